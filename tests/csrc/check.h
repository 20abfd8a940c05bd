// Checks of the C++ tests: the first failure prints its place and values, and ends the program with status 1.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>

namespace tfvae::test {

// The current subject of the checks, for the message.
inline std::string& context() {
  static std::string text;
  return text;
}

template <class Came, class Wanted>
[[noreturn]] void fail(const char* file, int line, const char* text, const Came& came, const Wanted& wanted) {
  std::ostringstream out;
  out.precision(21);
  out << file << ":" << line << ": " << text << "\n  came:   " << came << "\n  wanted: " << wanted;
  if (!context().empty()) out << "\n  in:     " << context();
  std::fprintf(stderr, "%s\n", out.str().c_str());
  std::exit(1);
}

inline bool near(long double came, long double wanted, long double tolerance) {
  if (std::isnan(wanted)) return std::isnan(came);
  return came == wanted || std::fabs(came - wanted) <= tolerance;
}

inline int done(const char* name) {
  std::printf("%s: passed\n", name);
  return 0;
}

}  // namespace tfvae::test

#define CHECK_EQ(came, wanted)                                                                   \
  do {                                                                                           \
    const auto came_ = (came);                                                                   \
    const auto wanted_ = (wanted);                                                               \
    if (!(came_ == wanted_)) ::tfvae::test::fail(__FILE__, __LINE__, #came, came_, wanted_);     \
  } while (0)

#define CHECK_NEAR(came, wanted, tolerance)                                                      \
  do {                                                                                           \
    const long double came_ = (came), wanted_ = (wanted);                                        \
    if (!::tfvae::test::near(came_, wanted_, tolerance)) {                                       \
      ::tfvae::test::fail(__FILE__, __LINE__, #came " within " #tolerance, came_, wanted_);      \
    }                                                                                            \
  } while (0)

#define CHECK_CONTAINS(came, part)                                                               \
  do {                                                                                           \
    const std::string came_ = (came);                                                            \
    if (came_.find(part) == std::string::npos) {                                                 \
      ::tfvae::test::fail(__FILE__, __LINE__, #came " contains", came_, part);                   \
    }                                                                                            \
  } while (0)
