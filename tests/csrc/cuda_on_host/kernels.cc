// Behaviour specific to csrc/cuda: a bad prior gives NaN instead of an error, extents that
// select other paths through the kernels, and limits.
#include "cases.h"
#include "cuda/launch.h"

namespace tfvae::test {
namespace {

Case make(DType dtype, Prior prior, bool per_dimension, int64_t batch, int64_t positions, int64_t latent) {
  Case c;
  c.dtype = dtype;
  c.prior = prior;
  c.per_dimension = per_dimension;
  c.batch = batch;
  c.positions = positions;
  c.latent = latent;
  fill(c, 3);
  return c;
}

void check_all_nan(const Buffer& buffer) {
  for (int64_t i = 0; i < buffer.size(); ++i) CHECK_NEAR(buffer.get(i), Real(NAN), 0);
}

// z is unaffected; the KL and all its gradients are NaN.
void check_poisoned(const Case& good, const Case& bad) {
  context() = describe(bad);
  const Results wanted = run_forward(good), came = run_forward(bad);
  CHECK_EQ(came.status, "");
  check_same_bits(came.z, 0, wanted.z, 0, wanted.z.size(), size_of(bad.dtype));
  check_all_nan(came.kl);
  Upstreams upstream;
  upstream.kl.assign(came.kl.size(), 1);
  const GradientResults gradients = run_backward(bad, upstream);
  CHECK_EQ(gradients.status, "");
  check_all_nan(gradients.mean);
  check_all_nan(gradients.log_var);
  for (int64_t i = 0; i < bad.latent; ++i) {
    for (int64_t j = 0; bad.prior == Prior::kCholesky && j <= i; ++j) {
      CHECK_NEAR(gradients.prior_scale.get(i * bad.latent + j), Real(NAN), 0);
    }
  }
}

void bad_priors() {
  for (const bool per_dimension : {false, true}) {
    for (const DType dtype : {DType::kFloat, DType::kDouble}) {
      for (const Real value : {Real(0), Real(-1), Real(NAN)}) {
        const Case good = make(dtype, Prior::kCholesky, per_dimension, 3, 1, 66);
        Case bad = good;
        bad.prior_scale[65 * 66 + 65] = value;  // the last element, which must affect all results before it
        check_poisoned(good, bad);
        const Case one = make(dtype, Prior::kDiagonal, per_dimension, 2, 1, 1);
        bad = one;
        bad.prior_scale[0] = value;
        check_poisoned(one, bad);
      }
      for (const Real value : {Real(0.25), Real(NAN)}) {
        const Case good = make(dtype, Prior::kCholesky, per_dimension, 2, 2, 40);
        Case bad = good;
        bad.prior_scale[3 * 40 + 39] = value;
        check_poisoned(good, bad);
      }
    }
  }
}

void nan_stays_with_its_example() {
  for (const Prior prior : kPriors) {
    for (const bool per_dimension : {false, true}) {
      const Case good = make(DType::kFloat, prior, per_dimension, 5, 1, 33);
      Case bad = good;
      bad.mean[2 * 33 + 7] = NAN;
      context() = "NaN in one example, " + describe(bad);
      const Results wanted = run_forward(good), came = run_forward(bad);
      const int64_t stride = per_dimension ? 33 : 1;
      check_same_bits(came.kl, 0, wanted.kl, 0, 2 * stride, 4);
      check_same_bits(came.kl, 3 * stride, wanted.kl, 3 * stride, 2 * stride, 4);
      CHECK_NEAR(came.kl.get(2 * stride + (per_dimension ? 7 : 0)), Real(NAN), 0);
      check_same_bits(came.z, 0, wanted.z, 0, 2 * 33 + 7, 4);
      check_same_bits(came.z, 2 * 33 + 8, wanted.z, 2 * 33 + 8, 3 * 33 - 8, 4);
    }
  }
}

// Against the long double reference: rows as wide as a block, rows that begin within a counter, and far into a stream.
void extents() {
  // As in make().
  const struct {
    DType dtype;
    Prior prior;
    bool per_dimension;
    int64_t batch, positions, latent;
  } rows[] = {
      {DType::kFloat, Prior::kStandard, false, 2, 1025, 4},    {DType::kFloat, Prior::kStandard, false, 2, 5003, 1},
      {DType::kFloat, Prior::kDiagonal, false, 3, 45, 97},     {DType::kDouble, Prior::kDiagonal, false, 3, 7, 12},
      {DType::kFloat, Prior::kCholesky, false, 2, 130, 33},    {DType::kDouble, Prior::kCholesky, true, 70, 1, 129},
      {DType::kFloat, Prior::kStandard, true, 1, 1, 1},        {DType::kFloat, Prior::kCholesky, false, 9, 1, 1},
  };
  for (const auto& row : rows) {
    Case c = make(row.dtype, row.prior, row.per_dimension, row.batch, row.positions, row.latent);
    c.samples = 3;
    c.first_example = (int64_t{1} << 34) + 1;
    context() = describe(c);
    const Forward wanted = forward(c, noise(c));
    const Results came = run_forward(c);
    CHECK_EQ(came.status, "");
    const Real tolerance = c.dtype == DType::kDouble ? 1e-12L : 5e-6L;
    for (size_t i = 0; i < wanted.z.size(); ++i) CHECK_NEAR(came.z.get(i), wanted.z[i], tolerance * 10);
    for (size_t i = 0; i < wanted.kl.size(); ++i) {
      CHECK_NEAR(came.kl.get(i), wanted.kl[i], tolerance * (10 + std::fabs(wanted.kl[i])));
    }
    for (size_t i = 0; i < wanted.log_q.size(); ++i) {
      CHECK_NEAR(came.log_q.get(i), wanted.log_q[i], tolerance * (10 + std::fabs(wanted.log_q[i])));
    }
  }
}

void empty() {
  Case c = make(DType::kFloat, Prior::kStandard, false, 3, 1, 0);
  context() = "width 0";
  const Results came = run_forward(c);
  CHECK_EQ(came.status, "");
  for (int64_t b = 0; b < 3; ++b) {
    CHECK_EQ(came.kl.get(b), Real(0));
    CHECK_EQ(came.log_q.get(b), Real(0));
  }
}

void too_many_dimensions() {
  context() = "";
  Problem p;
  p.prior = Prior::kCholesky;
  p.batch = 1;
  p.width = p.latent = 2049;
  CHECK_CONTAINS(cuda::sample_and_kl(p, {}, nullptr, nullptr),
                 "prior_scale: got 2049 dimensions, expected at most 2048");
  CHECK_CONTAINS(cuda::sample_and_kl_grad(p, {}, {}, nullptr, nullptr), "prior_scale: got 2049 dimensions");
}

}  // namespace
}  // namespace tfvae::test

int main() {
  using namespace tfvae::test;
  bad_priors();
  nan_stays_with_its_example();
  extents();
  empty();
  too_many_dimensions();
  return done("cuda_on_host/kernels");
}
