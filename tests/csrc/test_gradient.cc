// The CPU launcher's gradients against central differences of the long double reference: for each input, with each
// upstream alone, with all and with none.
#include "cases.h"

namespace tfvae::test {
namespace {

Case make(DType dtype, Prior prior, bool per_dimension, int64_t batch, int64_t positions, int64_t latent,
          int64_t samples) {
  Case c;
  c.dtype = dtype;
  c.prior = prior;
  c.per_dimension = per_dimension;
  c.batch = batch;
  c.positions = positions;
  c.latent = latent;
  c.samples = samples;
  c.first_example = 3;
  fill(c, 5);
  return c;
}

Upstreams make_upstreams(const Case& c, bool z, bool kl, bool log_q) {
  std::mt19937_64 random(9);
  const int64_t count = c.batch * c.width();
  Upstreams u;
  if (z) u.z = random_values(random, c.samples * count, -1, 1, c.dtype);
  if (kl) u.kl = random_values(random, c.per_dimension ? count : c.batch, -1, 2, wide(c.dtype));
  if (log_q) u.log_q = random_values(random, c.samples * c.batch, -1, 1, wide(c.dtype));
  return u;
}

Real tolerance(const Case& c) { return c.dtype == DType::kDouble ? 1e-9L : 1e-5L; }

// Element by element. The error is relative to the largest gradient of the input; 16-bit results are rounded once.
void check_input(const char* name, Case& c, Values& input, const Buffer& came, DType stored, const Values& eps,
                 const Upstreams& upstream) {
  const bool lower = c.prior == Prior::kCholesky && &input == &c.prior_scale;
  Values wanted;
  Real largest = 1;
  for (size_t i = 0; i < input.size(); ++i) {
    const bool above = lower && int64_t(i) % c.latent > int64_t(i) / c.latent;
    wanted.push_back(above ? 0 : derivative(c, eps, upstream, &input[i]));
    largest = std::max(largest, std::fabs(wanted.back()));
  }
  const Real rounding = stored == DType::kHalf || stored == DType::kBFloat16 ? half_ulp(stored) : 0;
  for (size_t i = 0; i < input.size(); ++i) {
    context() = std::string(name) + "[" + std::to_string(i) + "], " + describe(c);
    CHECK_NEAR(came.get(i), wanted[i], tolerance(c) * largest + rounding * (std::fabs(wanted[i]) + 0x1p-14L));
  }
}

void check_gradients(Case c, bool z, bool kl, bool log_q) {
  context() = describe(c);
  const Upstreams upstream = make_upstreams(c, z, kl, log_q);
  const GradientResults came = run_backward(c, upstream);
  CHECK_EQ(came.status, "");
  const Values eps = noise(c);
  check_input("d_mean", c, c.mean, came.mean, c.dtype, eps, upstream);
  check_input("d_log_var", c, c.log_var, came.log_var, c.dtype, eps, upstream);
  check_input("d_prior_mean", c, c.prior_mean, came.prior_mean, wide(c.dtype), eps, upstream);
  check_input("d_prior_scale", c, c.prior_scale, came.prior_scale, wide(c.dtype), eps, upstream);
}

void every_kind() {
  for (const DType dtype : kTypes) {
    for (const Prior prior : kPriors) {
      for (const bool per_dimension : {false, true}) {
        for (const int64_t latent : {1, 3, 6}) {
          check_gradients(make(dtype, prior, per_dimension, 3, 1, latent, 1), true, true, true);
          check_gradients(make(dtype, prior, per_dimension, 2, 2, latent, 2), true, true, true);
        }
        const Case c = make(dtype, prior, per_dimension, 3, 1, 5, 2);
        check_gradients(c, true, false, false);
        check_gradients(c, false, true, false);
        check_gradients(c, false, false, true);
        check_gradients(c, false, false, false);
        check_gradients(make(dtype, prior, per_dimension, 0, 1, 4, 1), true, true, true);
      }
    }
  }
}

// In one random direction over all inputs, for cases where element by element would take too long.
void check_direction(Case c) {
  context() = "a direction, " + describe(c);
  const Upstreams upstream = make_upstreams(c, true, true, true);
  const GradientResults came = run_backward(c, upstream);
  CHECK_EQ(came.status, "");
  std::mt19937_64 random(13);
  Case above = c, below = c;
  const Real h = 1e-6L;
  Real slope = 0, size = 0;
  const auto move = [&](Values Case::* input, const Buffer& gradient) {
    for (size_t i = 0; i < (c.*input).size(); ++i) {
      const bool lower = input == &Case::prior_scale && c.prior == Prior::kCholesky;
      if (lower && int64_t(i) % c.latent > int64_t(i) / c.latent) {
        CHECK_EQ(gradient.get(i), Real(0));
        continue;
      }
      const Real step = Real(random() >> 11) * 0x1p-53L - 0.5L;
      (above.*input)[i] += h * step;
      (below.*input)[i] -= h * step;
      slope += gradient.get(i) * step;
      size += std::fabs(gradient.get(i) * step);
    }
  };
  move(&Case::mean, came.mean);
  move(&Case::log_var, came.log_var);
  move(&Case::prior_mean, came.prior_mean);
  move(&Case::prior_scale, came.prior_scale);
  const Values eps = noise(c);
  const Real wanted = (loss(above, eps, upstream) - loss(below, eps, upstream)) / (2 * h);
  CHECK_NEAR(slope, wanted, tolerance(c) * size);
}

void large() {
  for (const DType dtype : {DType::kFloat, DType::kDouble}) {
    for (const Prior prior : kPriors) {
      for (const bool per_dimension : {false, true}) {
        check_direction(make(dtype, prior, per_dimension, 37, 1, 65, 2));
        check_direction(make(dtype, prior, per_dimension, 5, 3, 33, 1));
        check_direction(make(dtype, prior, per_dimension, 7, 1, 257, 1));
      }
    }
  }
  check_direction(make(DType::kFloat, Prior::kStandard, false, 300, 1, 128, 1));
  // The prior's gradients are summed in parts: here with more units than parts, and with fewer parts to limit memory.
  check_direction(make(DType::kDouble, Prior::kDiagonal, false, 23000, 1, 3, 1));
  check_direction(make(DType::kDouble, Prior::kCholesky, false, 23000, 1, 3, 1));
  check_direction(make(DType::kDouble, Prior::kCholesky, true, 300, 1, 257, 1));
}

// d_mean and d_log_var do not depend on whether the prior's gradients are computed.
void prior_gradient_not_wanted() {
  for (const Prior prior : {Prior::kDiagonal, Prior::kCholesky}) {
    const Case c = make(DType::kFloat, prior, false, 6, 1, 19, 1);
    context() = "no prior gradient, " + describe(c);
    const Upstreams upstream = make_upstreams(c, true, true, false);
    const GradientResults whole = run_backward(c, upstream);
    Loaded loaded(c);
    Buffer d_z(upstream.z, c.dtype), d_kl(upstream.kl, c.dtype), mean(6 * 19, c.dtype), log_var(6 * 19, c.dtype);
    CHECK_EQ(cpu::sample_and_kl_grad(loaded.problem(), {d_z.data(), d_kl.data(), nullptr},
                                     {mean.data(), log_var.data(), nullptr, nullptr}, cpu::serial),
             "");
    check_same_bits(mean, 0, whole.mean, 0, mean.size(), 4);
    check_same_bits(log_var, 0, whole.log_var, 0, log_var.size(), 4);
  }
}

}  // namespace
}  // namespace tfvae::test

int main() {
  using namespace tfvae::test;
  every_kind();
  large();
  prior_gradient_not_wanted();
  return done("test_gradient");
}
