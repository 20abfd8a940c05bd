// The errors of the checks of csrc/core and of the CPU launchers.
#include "cases.h"
#include "core/shapes.h"

namespace tfvae::test {
namespace {

Status extents(Prior prior, const Shape& mean, const Shape& log_var, const Shape& prior_mean, const Shape& prior_scale,
               int64_t samples = 1) {
  Problem problem;
  problem.prior = prior;
  return set_extents({mean, log_var, prior_mean, prior_scale}, samples, &problem);
}

void shapes() {
  Problem problem;
  problem.prior = Prior::kCholesky;
  CHECK_EQ(set_extents({{5, 2, 3, 4}, {5, 2, 3, 4}, {4}, {4, 4}}, 7, &problem), "");
  CHECK_EQ(problem.batch, 5);
  CHECK_EQ(problem.width, 24);
  CHECK_EQ(problem.latent, 4);
  CHECK_EQ(problem.samples, 7);
  CHECK_CONTAINS(extents(Prior::kStandard, {5}, {5}, {0}, {0}), "z_mean: got shape [5], expected");
  CHECK_CONTAINS(extents(Prior::kStandard, {5, 4}, {5, 3}, {0}, {0}), "z_log_var: got shape [5, 3], expected [5, 4]");
  CHECK_CONTAINS(extents(Prior::kStandard, {5, 4}, {5, 4}, {4}, {0}), "prior_mean: got shape [4], expected [0]");
  CHECK_CONTAINS(extents(Prior::kDiagonal, {5, 4}, {5, 4}, {3}, {4}), "prior_mean: got shape [3], expected [4]");
  CHECK_CONTAINS(extents(Prior::kDiagonal, {5, 4}, {5, 4}, {4}, {4, 4}), "prior_scale: got shape [4, 4], expected [4]");
  CHECK_CONTAINS(extents(Prior::kCholesky, {5, 4}, {5, 4}, {4}, {4, 3}),
                 "prior_scale: got shape [4, 3], expected [4, 4]");
  CHECK_CONTAINS(extents(Prior::kStandard, {5, 4}, {5, 4}, {0}, {0}, 0), "samples: got 0, expected 1 to 65536");
  CHECK_CONTAINS(extents(Prior::kStandard, {5, 4}, {5, 4}, {0}, {0}, 65537), "samples: got 65537");
  CHECK_EQ(extents(Prior::kStandard, {0, 4}, {0, 4}, {0}, {0}, 65536), "");
}

// The shapes of a call whose key, counter and first_example are in arrays.
Status operands(const Shape& key, const Shape& counter, const Shape& first_example) {
  Problem problem;
  return check_operands({{5, 4}, {5, 4}, {0}, {0}, key, counter, first_example}, 1, &problem);
}

void noise() {
  CHECK_EQ(operands({1}, {2}, {}), "");
  CHECK_CONTAINS(operands({}, {2}, {}), "key: got shape [], expected [1]");
  CHECK_CONTAINS(operands({1}, {1}, {}), "counter: got shape [1], expected [2]");
  CHECK_CONTAINS(operands({1}, {2}, {1}), "first_example: got shape [1], expected []");
}

void names_of_priors() {
  Prior prior;
  CHECK_EQ(parse_prior("cholesky", &prior), "");
  CHECK_EQ(prior == Prior::kCholesky, true);
  CHECK_EQ(parse_prior("diagonal", &prior), "");
  CHECK_EQ(prior == Prior::kDiagonal, true);
  CHECK_CONTAINS(parse_prior("laplace", &prior), "got 'laplace', expected standard, diagonal or cholesky");
}

// Both directions of the op reject the prior's scale and name it.
void check_scale_refused(const Case& c) {
  context() = describe(c);
  CHECK_CONTAINS(run_forward(c).status, "prior_scale");
  Upstreams upstream;
  upstream.kl.assign(c.batch, 1);
  CHECK_CONTAINS(run_backward(c, upstream).status, "prior_scale");
}

void scales() {
  for (const DType dtype : {DType::kFloat, DType::kDouble}) {
    for (const Real bad : {Real(0), Real(-1)}) {
      Case c;
      c.dtype = dtype;
      c.batch = 3;
      c.latent = 5;
      c.prior = Prior::kCholesky;
      fill(c);
      c.prior_scale[3 * 5 + 3] = bad;
      check_scale_refused(c);
      c.prior = Prior::kDiagonal;
      fill(c);
      c.prior_scale[2] = bad;
      check_scale_refused(c);
    }
    Case upper;
    upper.dtype = dtype;
    upper.batch = 3;
    upper.latent = 5;
    upper.prior = Prior::kCholesky;
    fill(upper);
    upper.prior_scale[1 * 5 + 4] = 0.25;
    check_scale_refused(upper);
  }
}

// A diverged prior gives NaN, as in other implementations, and is not an error.
void nan_in_the_prior() {
  for (const Prior prior : {Prior::kDiagonal, Prior::kCholesky}) {
    for (Values Case::* input : {&Case::prior_mean, &Case::prior_scale}) {
      Case c;
      c.batch = 3;
      c.latent = 5;
      c.prior = prior;
      fill(c);
      (c.*input)[0] = NAN;
      context() = describe(c);
      const Results came = run_forward(c);
      CHECK_EQ(came.status, "");
      for (int64_t b = 0; b < c.batch; ++b) CHECK_EQ(std::isnan(came.kl.get(b)), true);
      for (int64_t i = 0; i < came.z.size(); ++i) CHECK_EQ(std::isnan(came.z.get(i)), false);
    }
  }
}

}  // namespace
}  // namespace tfvae::test

int main() {
  using namespace tfvae::test;
  shapes();
  noise();
  names_of_priors();
  scales();
  nan_in_the_prior();
  return done("test_refusals");
}
