// z, kl and log q of the CPU launcher against the long double reference: every prior, type, shape and number of
// samples, with and without per_dimension.
#include "cases.h"

namespace tfvae::test {
namespace {

// The error of the arithmetic in its wide type, relative to `size`, a bound on the terms of the sum.
Real arithmetic(const Case& c) { return c.dtype == DType::kDouble ? 1e-13L : 4e-6L; }

void check_forward(const Case& c) {
  context() = describe(c);
  const Values eps = noise(c);
  const Forward wanted = forward(c, eps);
  const Results came = run_forward(c);
  CHECK_EQ(came.status, "");
  const int64_t count = c.batch * c.width();
  for (size_t i = 0; i < wanted.z.size(); ++i) {
    const Real scale = std::exp(c.log_var[i % count] / 2);
    const Real size = std::fabs(c.mean[i % count]) + scale * (1 + std::fabs(eps[i]));
    // half's smallest subnormal is 2^-24.
    const Real stored = c.dtype == DType::kFloat || c.dtype == DType::kDouble
                            ? 0
                            : half_ulp(c.dtype) * std::fabs(wanted.z[i]) + 0x1p-25L;
    CHECK_NEAR(came.z.get(i), wanted.z[i], arithmetic(c) * size + stored);
  }
  const Real terms = static_cast<Real>(c.per_dimension ? c.latent : c.width());
  for (size_t i = 0; i < wanted.kl.size(); ++i) {
    CHECK_NEAR(came.kl.get(i), wanted.kl[i], arithmetic(c) * (1 + std::fabs(wanted.kl[i]) + terms / 8));
  }
  for (size_t i = 0; i < wanted.log_q.size(); ++i) {
    CHECK_NEAR(came.log_q.get(i), wanted.log_q[i], arithmetic(c) * (1 + std::fabs(wanted.log_q[i])));
  }
}

Case make(DType dtype, Prior prior, bool per_dimension, int64_t batch, int64_t positions, int64_t latent,
          int64_t samples, int64_t first_example = 0) {
  Case c;
  c.dtype = dtype;
  c.prior = prior;
  c.per_dimension = per_dimension;
  c.batch = batch;
  c.positions = positions;
  c.latent = latent;
  c.samples = samples;
  c.first_example = first_example;
  fill(c);
  return c;
}

void every_kind() {
  for (const DType dtype : kTypes) {
    for (const Prior prior : kPriors) {
      for (const bool per_dimension : {false, true}) {
        for (const int64_t latent : {1, 3, 4, 17, 32, 65}) {
          check_forward(make(dtype, prior, per_dimension, 5, 1, latent, 1));
          check_forward(make(dtype, prior, per_dimension, 3, 4, latent, 2, 11));
        }
        check_forward(make(dtype, prior, per_dimension, 0, 2, 3, 2));
        check_forward(make(dtype, prior, per_dimension, 67, 1, 3, 3));
        check_forward(make(dtype, prior, per_dimension, 2, 1, 257, 1));
      }
    }
  }
}

void large() {
  check_forward(make(DType::kFloat, Prior::kStandard, false, 513, 1, 128, 1));
  check_forward(make(DType::kFloat, Prior::kCholesky, false, 130, 1, 64, 1));
  check_forward(make(DType::kFloat, Prior::kStandard, false, 2, 5001, 1, 1));
  for (const bool per_dimension : {false, true}) {
    check_forward(make(DType::kFloat, Prior::kCholesky, per_dimension, 2, 1, 1024, 1));
    check_forward(make(DType::kDouble, Prior::kCholesky, per_dimension, 3, 1, 300, 1));
  }
}

void far_examples() {
  for (const int64_t width : {1, 3, 64}) {
    const int64_t past_33_bits = (int64_t{1} << 33) / width + 5;
    // The low 32 bits of the counter carry inside the second example.
    const int64_t across_34_bits = (int64_t{1} << 34) / width - 1;
    for (const int64_t first : {past_33_bits, across_34_bits, int64_t{1} << 52}) {
      check_forward(make(DType::kFloat, Prior::kStandard, false, 5, 1, width, 2, first));
    }
  }
}

// The KL near log_var = 0, where the error of the naive form in float32 exceeds its value.
void near_the_prior() {
  for (const bool per_dimension : {false, true}) {
    Case c = make(DType::kFloat, Prior::kStandard, per_dimension, 4, 1, 9, 1);
    for (Real& x : c.mean) x = 0;
    for (size_t i = 0; i < c.log_var.size(); ++i) c.log_var[i] = rounded(i % 2 ? 1e-4L : -1e-4L, DType::kFloat);
    context() = "near log_var 0, " + describe(c);
    const Results came = run_forward(c);
    const Forward wanted = forward(c, noise(c));
    for (size_t i = 0; i < wanted.kl.size(); ++i) CHECK_NEAR(came.kl.get(i), wanted.kl[i], 1e-5L * wanted.kl[i]);
  }
}

// float16 ends at 65504: z is infinite beyond, while the KL is computed and returned in float32.
void half_overflows() {
  Case c = make(DType::kHalf, Prior::kStandard, false, 3, 1, 21, 1);
  for (Real& x : c.log_var) x = 24;
  context() = "overflow, " + describe(c);
  const Values eps = noise(c);
  const Forward wanted = forward(c, eps);
  const Results came = run_forward(c);
  int infinite = 0;
  for (size_t i = 0; i < wanted.z.size(); ++i) {
    const bool beyond = std::fabs(wanted.z[i]) >= 65520;
    CHECK_NEAR(came.z.get(i), beyond ? std::copysign(Real(INFINITY), wanted.z[i]) : wanted.z[i], 64);
    infinite += beyond;
  }
  CHECK_EQ(infinite > 10, true);
  for (size_t i = 0; i < wanted.kl.size(); ++i) CHECK_NEAR(came.kl.get(i), wanted.kl[i], 1e-5L * wanted.kl[i]);
}

// Without log_q, the other results are unchanged.
void log_q_not_wanted() {
  const Case c = make(DType::kFloat, Prior::kCholesky, false, 5, 1, 7, 2);
  context() = "no log_q, " + describe(c);
  Loaded loaded(c);
  Buffer z(2 * 5 * 7, DType::kFloat), kl(5, DType::kFloat);
  CHECK_EQ(cpu::sample_and_kl(loaded.problem(), {z.data(), kl.data(), nullptr}, cpu::serial), "");
  const Results whole = run_forward(c);
  check_same_bits(z, 0, whole.z, 0, z.size(), 4);
  check_same_bits(kl, 0, whole.kl, 0, kl.size(), 4);
}

}  // namespace
}  // namespace tfvae::test

int main() {
  using namespace tfvae::test;
  every_kind();
  large();
  far_examples();
  near_the_prior();
  half_overflows();
  log_q_not_wanted();
  return done("test_forward");
}
