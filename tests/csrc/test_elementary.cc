// exp, log, sin and cos of csrc/core against the C library at a higher precision; the bounds are the measured errors,
// rounded up, without fused multiply-add, which only reduces them.
#include "check.h"
#include "core/gaussian.h"

namespace tfvae::test {
namespace {

using Real = long double;

template <class F>
Real ulp(Real exact) {
  int exponent;
  std::frexp(exact, &exponent);
  const int digits = sizeof(F) == 4 ? 24 : 53, least = sizeof(F) == 4 ? -149 : -1074;
  return std::ldexp(Real(1), std::max(exponent - digits, least));
}

// The largest error seen, and where.
struct Worst {
  Real error = 0, at = 0;

  void add(Real seen, Real x) {
    if (seen > error || std::isnan(seen)) *this = {seen, x};
  }
};

void check_worst(const char* name, const Worst& worst, Real bound) {
  std::printf("  %s: %.3Lg at %.9Lg, bound %.3Lg\n", name, worst.error, worst.at, bound);
  context() = std::string(name) + " at " + std::to_string(worst.at);
  if (!(worst.error <= bound)) fail(__FILE__, __LINE__, name, worst.error, bound);
}

// Every u and every angle that float noise can have; double is precise enough as a reference.
void float_noise() {
  Worst log, sine, cosine;
  for (uint32_t w = 0; w < 1u << 23; ++w) {
    const float u = bounded_unit<float>(w), v = angle<float>(w);
    float s, c;
    sin_cos(v, &s, &c);
    const double exact = std::log(static_cast<double>(u));
    log.add(std::fabs(log_of_normal(u) - exact) / ulp<float>(exact), u);
    sine.add(std::fabs(s - std::sin(static_cast<double>(v))), v);
    cosine.add(std::fabs(c - std::cos(static_cast<double>(v))), v);
  }
  check_worst("log, ulp", log, 2);
  check_worst("sin, absolute", sine, 1.2e-7L);
  check_worst("cos, absolute", cosine, 1.2e-7L);
}

void double_noise() {
  Worst log, sine, cosine;
  for (uint32_t w = 0; w < 1u << 23; w += 31) {
    const double u = bounded_unit<float>(w), v = angle<float>(w);
    double s, c;
    sin_cos(v, &s, &c);
    const Real exact = std::log(static_cast<Real>(u));
    log.add(std::fabs(log_of_normal(u) - exact) / ulp<double>(exact), u);
    sine.add(std::fabs(s - std::sin(static_cast<Real>(v))), v);
    cosine.add(std::fabs(c - std::cos(static_cast<Real>(v))), v);
  }
  check_worst("log of double, ulp", log, 2);
  check_worst("sin of double, absolute", sine, 2.3e-16L);
  check_worst("cos of double, absolute", cosine, 2.3e-16L);
}

template <class F>
void one_log_var(F x, Worst* scale, Worst* expm1, Worst* excess) {
  const Posterior<F> p = posterior(x);
  const Real wide = x, s = std::exp(wide / 2), e = std::expm1(wide);
  // exp(x) - 1 - x from its series where the subtraction would cancel.
  Real tail = e - wide;
  if (std::fabs(wide) < 0.01L) {
    tail = 0;
    for (int k = 12; k >= 2; --k) tail = (1 + tail) * wide / k;
    tail *= wide;
  }
  scale->add(std::fabs(p.scale - s) / ulp<F>(s), x);
  expm1->add(std::fabs(p.expm1 - e) / ulp<F>(e), x);
  excess->add(std::fabs(p.excess - tail) / ulp<F>(tail), x);
}

template <class F>
void log_vars(const char* type) {
  Worst scale, expm1, excess;
  for (int i = -200000; i <= 200000; ++i) one_log_var<F>(F(i * 2e-4), &scale, &expm1, &excess);
  for (int i = 0; i < 100000; ++i) {
    const F small = F(std::pow(10.0, -8 + 8e-5 * i));
    one_log_var<F>(small, &scale, &expm1, &excess);
    one_log_var<F>(-small, &scale, &expm1, &excess);
  }
  const std::string suffix = std::string(" of ") + type + ", ulp";
  check_worst(("scale" + suffix).c_str(), scale, 2);
  check_worst(("expm1" + suffix).c_str(), expm1, 4);
  // Largest past log 2, where exp(x) - 1 - x is a fifth of its operands.
  check_worst(("excess" + suffix).c_str(), excess, 16);
}

template <class F>
void edges(F huge) {
  context() = "edges";
  const F infinity = INFINITY, nan = NAN;
  CHECK_EQ(posterior(F(0)).scale, F(1));
  CHECK_EQ(posterior(F(0)).expm1, F(0));
  CHECK_EQ(posterior(F(0)).excess, F(0));
  CHECK_EQ(posterior(huge).scale, infinity);
  CHECK_EQ(posterior(infinity).scale, infinity);
  CHECK_EQ(posterior(huge).excess, infinity);
  CHECK_EQ(posterior(-huge).scale, F(0));
  CHECK_EQ(posterior(-huge).expm1, F(-1));
  CHECK_EQ(posterior(-huge).excess, huge - 1);
  CHECK_EQ(posterior(-infinity).scale, F(0));
  CHECK_EQ(posterior(-infinity).excess, infinity);
  CHECK_EQ(std::isnan(posterior(nan).scale), true);
  CHECK_EQ(std::isnan(posterior(nan).expm1), true);
  CHECK_EQ(std::isnan(posterior(nan).excess), true);
}

// The error that this form avoids: at log_var = 1e-4 the naive form is wrong by 232 % in float32.
void kl_near_zero() {
  for (const float x : {1e-4f, -1e-4f, 1e-3f, 1e-5f, 3e-8f}) {
    context() = "log_var " + std::to_string(x);
    const Real exact = (Real(x) * x / 2 + Real(x) * x * x / 6) / 2;
    CHECK_NEAR(kl_of_standard(0.0f, posterior(x).excess), exact, 1e-6L * exact);
  }
}

}  // namespace
}  // namespace tfvae::test

int main() {
  using namespace tfvae::test;
  float_noise();
  double_noise();
  log_vars<float>("float");
  log_vars<double>("double");
  edges<float>(1000);
  edges<double>(1e5);
  kl_near_zero();
  return done("test_elementary");
}
