// decoder_runner FOLDER FILE N SEED X Z [Y]: writes N samples of the seed, x in the user's units and z, as float32.
// Y is the condition of a conditional model: a label, by name or number, or a file of float32 rows.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "decoder.h"

namespace {

// An integer in [least, 2^63).
uint64_t whole_number(const std::string& text, uint64_t least) {
  char* end = nullptr;
  const unsigned long long value = std::strtoull(text.c_str(), &end, 10);
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || *end != '\0' || value < least || value >> 63 != 0) {
    throw std::runtime_error("got " + text + ", expected an integer from " + std::to_string(least) + " to 2^63 - 1.");
  }
  return value;
}

void write(const std::string& path, const std::vector<float>& values) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(float)));
  if (!file.flush()) throw std::runtime_error(path + ": cannot be written.");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7 && argc != 8) {
    std::fprintf(stderr, "usage: decoder_runner FOLDER FILE N SEED X Z [Y]\n");
    return 2;
  }
  try {
    tfvae::edge::Decoder decoder(argv[1], argv[2]);
    const size_t n = whole_number(argv[3], 1);
    const std::vector<float> y = decoder.condition(argc == 8 ? argv[7] : "", n);
    const std::vector<float> z = decoder.prior_sample(n, whole_number(argv[4], 0), y);
    const std::vector<double> x = decoder.user_units(decoder.decode(z, y));
    write(argv[5], {x.begin(), x.end()});
    write(argv[6], z);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "decoder_runner: %s\n", error.what());
    return 2;
  }
  return 0;
}
