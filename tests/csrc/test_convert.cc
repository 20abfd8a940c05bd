// 16-bit numbers into and out of the CPU launcher: d_mean = upstream * mean, from the standard prior's KL, passes a
// number through unchanged.
#include "cases.h"

namespace tfvae::test {
namespace {

using Halves = std::vector<uint16_t>;

// The bits of upstream * mean, each in its own dimension of one example.
Halves through(DType dtype, const Halves& mean, const std::vector<float>& upstream) {
  const Halves zeros(mean.size(), 0);
  Halves d_mean(mean.size()), d_log_var(mean.size());
  const Case c;
  Problem p;
  p.dtype = dtype;
  p.per_dimension = true;
  p.batch = 1;
  p.width = p.latent = static_cast<int64_t>(mean.size());
  p.key = &c.key;
  p.counter = c.counter;
  p.first_example = &c.first_example;
  p.mean = mean.data();
  p.log_var = zeros.data();
  CHECK_EQ(cpu::sample_and_kl_grad(p, {nullptr, upstream.data(), nullptr},
                                   {d_mean.data(), d_log_var.data(), nullptr, nullptr}, cpu::serial),
           "");
  return d_mean;
}

// Every number of the type, including subnormals and infinities, comes out unchanged.
void every_number(DType dtype) {
  const uint16_t infinity = dtype == DType::kHalf ? 0x7C00 : 0x7F80;
  Halves all;
  for (uint32_t bits = 0; bits < 65536; ++bits) all.push_back(static_cast<uint16_t>(bits));
  const Halves came = through(dtype, all, std::vector<float>(all.size(), 1.0f));
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    context() = std::string(name_of(dtype)) + " of bits " + std::to_string(bits);
    const bool nan = (bits & 0x7FFF) > infinity;
    CHECK_EQ(nan ? (came[bits] & 0x7FFF) > infinity : came[bits] == bits, true);
  }
}

struct Rounded {
  float from;
  uint16_t bits;
};

// `from` times one, at every position of a row whose length is not a multiple of a vector.
void check_rounded(DType dtype, uint16_t one, const std::vector<Rounded>& table) {
  for (const Rounded& row : table) {
    for (const float sign : {1.0f, -1.0f}) {
      context() = std::string(name_of(dtype)) + " from " + std::to_string(sign * row.from);
      const uint16_t wanted = static_cast<uint16_t>(row.bits | (sign < 0 ? 0x8000 : 0));
      for (const uint16_t came : through(dtype, Halves(37, one), std::vector<float>(37, sign * row.from))) {
        CHECK_EQ(came, wanted);
      }
    }
  }
}

void to_nearest_even() {
  check_rounded(DType::kHalf, 0x3C00,
                {{1 + 0x1p-11f, 0x3C00},
                 {1 + 0x1.8p-10f, 0x3C02},
                 {1 + 0x1p-11f + 0x1p-20f, 0x3C01},
                 {0x1p-25f, 0x0000},
                 {0x1.8p-25f, 0x0001},
                 {0x1.8p-24f, 0x0002},
                 {0x1.FFCp-15f, 0x0400},
                 {65519, 0x7BFF},
                 {65520, 0x7C00},
                 {1e30f, 0x7C00}});
  check_rounded(DType::kBFloat16, 0x3F80,
                {{1 + 0x1p-8f, 0x3F80},
                 {1 + 0x1.8p-7f, 0x3F82},
                 {1 + 0x1p-8f + 0x1p-20f, 0x3F81},
                 {0x1.FEp127f, 0x7F7F},
                 {0x1.FFp127f, 0x7F80}});
}

}  // namespace
}  // namespace tfvae::test

int main() {
  using namespace tfvae::test;
  every_number(tfvae::DType::kHalf);
  every_number(tfvae::DType::kBFloat16);
  to_nearest_even();
  return done("test_convert");
}
