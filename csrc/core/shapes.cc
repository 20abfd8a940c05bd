#include "core/shapes.h"

namespace tfvae {

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    text += (axis ? ", " : "") + std::to_string(shape[axis]);
  }
  return text + "]";
}

Status expect_shape(const char* name, const Shape& came, const Shape& wanted) {
  if (came == wanted) return {};
  return std::string(name) + ": got shape " + to_string(came) + ", want " + to_string(wanted) + ".";
}

Status parse_prior(const std::string& name, Prior* prior) {
  if (name == "standard") {
    *prior = Prior::kStandard;
  } else if (name == "diagonal") {
    *prior = Prior::kDiagonal;
  } else if (name == "cholesky") {
    *prior = Prior::kCholesky;
  } else {
    return "prior: got '" + name + "', want standard, diagonal or cholesky.";
  }
  return {};
}

Status set_extents(const Shape& mean, const Shape& log_var, const Shape& prior_mean, const Shape& prior_scale,
                   int64_t samples, Problem* problem) {
  if (mean.size() < 2) return "z_mean: got shape " + to_string(mean) + ", want [batch, ...], rank 2 at least.";
  if (Status bad = expect_shape("z_log_var", log_var, mean); !bad.empty()) return bad;
  // A sample is 16 bits of the counter.
  if (samples < 1 || samples > 65536) {
    return "samples: got " + std::to_string(samples) + ", want 1 to 65536.";
  }
  const int64_t latent = mean.back();
  if (problem->prior == Prior::kStandard) {
    if (Status bad = expect_shape("prior_mean", prior_mean, {0}); !bad.empty()) return bad;
    if (Status bad = expect_shape("prior_scale", prior_scale, {0}); !bad.empty()) return bad;
  } else {
    const Shape scale = problem->prior == Prior::kDiagonal ? Shape{latent} : Shape{latent, latent};
    if (Status bad = expect_shape("prior_mean", prior_mean, {latent}); !bad.empty()) return bad;
    if (Status bad = expect_shape("prior_scale", prior_scale, scale); !bad.empty()) return bad;
  }
  problem->batch = mean[0];
  problem->width = 1;
  for (size_t axis = 1; axis < mean.size(); ++axis) problem->width *= mean[axis];
  problem->latent = latent;
  problem->samples = samples;
  return {};
}

Shape z_shape(const Shape& mean, int64_t samples) {
  Shape shape = mean;
  shape.insert(shape.begin(), samples);
  return shape;
}

Shape kl_shape(const Shape& mean, bool per_dimension) { return per_dimension ? mean : Shape{mean[0]}; }

Shape log_q_shape(const Shape& mean, int64_t samples) { return {samples, mean[0]}; }

}  // namespace tfvae
