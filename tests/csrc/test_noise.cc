// Philox and its normals against Random123's known answers and the golden vectors of docs/noise.md.
#include <fstream>

#include "cases.h"
#include "core/philox.h"

namespace tfvae::test {
namespace {

struct Known {
  uint32_t counter[4], key[2], words[4];
};

// From kat_vectors of Random123, philox4x32 with 10 rounds: zeros, ones, and the digits of pi.
constexpr Known kKnown[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}},
    {{0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF},
     {0xFFFFFFFF, 0xFFFFFFFF},
     {0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD}},
    {{0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344},
     {0xA4093822, 0x299F31D0},
     {0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}},
};

uint64_t join(const uint32_t* words) { return words[0] | uint64_t{words[1]} << 32; }

void known_answers() {
  for (const Known& known : kKnown) {
    const uint32_t* c = known.counter;
    const RoundKeys<uint32_t> keys(join(known.key));
    const Words<uint32_t> core = philox<uint32_t>(c[0], c[1], c[2], c[3], keys);
    const Block reference = philox_4x32_10({{c[0], c[1], c[2], c[3]}}, known.key[0], known.key[1]);
    const uint64_t counter[2] = {join(c), join(c + 2)};
    uint32_t launched[4];
    cpu::words(join(known.key), counter, 0, 4, launched);
    for (int lane = 0; lane < 4; ++lane) {
      CHECK_EQ(core.w[lane], known.words[lane]);
      CHECK_EQ(reference.w[lane], known.words[lane]);
      CHECK_EQ(launched[lane], known.words[lane]);
    }
  }
}

// The number after "name": in a row of the golden file, or the list of numbers there.
std::vector<std::string> field(const std::string& row, const std::string& name) {
  const std::string label = "\"" + name + "\": ";
  size_t at = row.find(label);
  if (at == std::string::npos) fail(__FILE__, __LINE__, "a row of the golden vectors", row, "one with " + label);
  at += label.size();
  const size_t end = row[at] == '[' ? row.find(']', at) : row.find_first_of(",}", at);
  std::istringstream list(row.substr(at, end - at));
  std::vector<std::string> numbers;
  for (std::string number; std::getline(list, number, ',');) {
    numbers.push_back(number.substr(number.find_first_not_of("[ ")));
  }
  return numbers;
}

uint64_t integer(const std::string& row, const std::string& name) { return std::stoull(field(row, name)[0]); }

void golden_vectors(const char* path) {
  std::ifstream file(path);
  if (!file) fail(__FILE__, __LINE__, path, "no such file", "run from the root of the repository, or name the file");
  int rows = 0;
  for (std::string row; std::getline(file, row);) {
    if (row.find("\"words\"") == std::string::npos) continue;
    context() = row.substr(0, 60);
    const uint64_t counter[2] = {
        0, (integer(row, "purpose") << 56) + (integer(row, "step") << 16) + integer(row, "sample")};
    const uint64_t first = integer(row, "example") * integer(row, "width");
    const auto golden_words = field(row, "words"), golden_floats = field(row, "normals");
    const auto golden_doubles = field(row, "normals_float64");
    const int64_t n = static_cast<int64_t>(golden_words.size());
    std::vector<uint32_t> words(n);
    std::vector<float> floats(n);
    std::vector<double> doubles(n);
    cpu::words(integer(row, "seed"), counter, first, n, words.data());
    cpu::normals(integer(row, "seed"), counter, first, n, floats.data());
    cpu::normals(integer(row, "seed"), counter, first, n, doubles.data());
    for (int64_t i = 0; i < n; ++i) {
      CHECK_EQ(uint64_t{words[i]}, std::stoull(golden_words[i]));
      CHECK_NEAR(floats[i], std::stold(golden_floats[i]), 2e-6);
      CHECK_NEAR(doubles[i], std::stold(golden_doubles[i]), 1e-14);
    }
    ++rows;
  }
  context() = path;
  CHECK_EQ(rows >= 18, true);
  context().clear();
}

// Around positions where the counter carries, at lengths that are not multiples of a vector or a block.
void normals_at_any_place() {
  const uint64_t carry_of_32_bits = uint64_t{1} << 34;
  for (const uint64_t first : {uint64_t{0}, uint64_t{1}, uint64_t{6}, uint64_t{4095}, carry_of_32_bits - 700}) {
    for (const int64_t n : {0, 1, 2, 3, 5, 64, 257, 1499}) {
      context() = "first " + std::to_string(first) + ", n " + std::to_string(n);
      Case c;
      std::vector<uint32_t> words(n + 1, 7);
      std::vector<float> floats(n + 1, 7);
      std::vector<double> doubles(n + 1, 7);
      cpu::words(c.key, c.counter, first, n, words.data());
      cpu::normals(c.key, c.counter, first, n, floats.data());
      cpu::normals(c.key, c.counter, first, n, doubles.data());
      for (int64_t i = 0; i < n; ++i) {
        const Real eps = normal_at(c, first + i, 0);
        CHECK_EQ(words[i], block_at(c, first + i, 0).w[(first + i) % 4]);
        CHECK_NEAR(floats[i], eps, 2e-6);
        CHECK_NEAR(doubles[i], eps, 1e-14);
      }
      CHECK_EQ(words[n], 7u);
      CHECK_EQ(floats[n], 7.0f);
      CHECK_EQ(doubles[n], 7.0);
    }
  }
  context().clear();
}

void moments() {
  const int64_t n = 1 << 20;
  const Case c;
  std::vector<float> eps(n);
  cpu::normals(c.key, c.counter, 0, n, eps.data());
  Real sum = 0, squares = 0, fourth = 0;
  for (const float e : eps) {
    sum += e;
    squares += Real(e) * e;
    fourth += std::pow(Real(e), 4);
  }
  // Five standard errors.
  CHECK_NEAR(sum / n, 0, 5 * std::sqrt(1.0L / n));
  CHECK_NEAR(squares / n, 1, 5 * std::sqrt(2.0L / n));
  CHECK_NEAR(fourth / n, 3, 5 * std::sqrt(96.0L / n));
}

}  // namespace
}  // namespace tfvae::test

int main(int argc, char** argv) {
  using namespace tfvae::test;
  CHECK_EQ(tfvae::cpu::isa_error(), "");
  known_answers();
  golden_vectors(argc > 1 ? argv[1] : "tests/golden/noise_v1.json");
  normals_at_any_place();
  moments();
  return done("test_noise");
}
