#include "core/shapes.h"

namespace tfvae {
namespace {

Status expect_operand(Operand operand, const std::vector<Shape>& shapes, Prior prior) {
  return expect_shape(kOperands[operand].name, shapes[operand], operand_shape(operand, shapes[kZMean], prior));
}

}  // namespace

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    text += (axis ? ", " : "") + std::to_string(shape[axis]);
  }
  return text + "]";
}

Status expect_shape(const char* name, const Shape& came, const Shape& wanted) {
  if (came == wanted) return {};
  return std::string(name) + ": got shape " + to_string(came) + ", expected " + to_string(wanted) + ".";
}

Status parse_prior(const std::string& name, Prior* prior) {
  if (name == "standard") {
    *prior = Prior::kStandard;
  } else if (name == "diagonal") {
    *prior = Prior::kDiagonal;
  } else if (name == "cholesky") {
    *prior = Prior::kCholesky;
  } else {
    return "prior: got '" + name + "', expected standard, diagonal or cholesky.";
  }
  return {};
}

Shape operand_shape(Operand operand, const Shape& mean, Prior prior) {
  switch (operand) {
    case kPriorMean:
      return {prior == Prior::kStandard ? 0 : mean.back()};
    case kPriorScale:
      if (prior == Prior::kCholesky) return {mean.back(), mean.back()};
      return {prior == Prior::kStandard ? 0 : mean.back()};
    case kKey:
      return {1};
    case kCounter:
      return {2};
    case kFirstExample:
      return {};
    default:
      return mean;
  }
}

Status set_extents(const std::vector<Shape>& shapes, int64_t samples, Problem* problem) {
  const Shape& mean = shapes[kZMean];
  if (mean.size() < 2) return "z_mean: got shape " + to_string(mean) + ", expected [batch, ...], of rank at least 2.";
  if (Status bad = expect_operand(kZLogVar, shapes, problem->prior); !bad.empty()) return bad;
  // The counter has 16 bits for the sample.
  if (samples < 1 || samples > 65536) {
    return "samples: got " + std::to_string(samples) + ", expected 1 to 65536.";
  }
  if (Status bad = expect_operand(kPriorMean, shapes, problem->prior); !bad.empty()) return bad;
  if (Status bad = expect_operand(kPriorScale, shapes, problem->prior); !bad.empty()) return bad;
  problem->batch = mean[0];
  problem->width = 1;
  for (size_t axis = 1; axis < mean.size(); ++axis) problem->width *= mean[axis];
  problem->latent = mean.back();
  problem->samples = samples;
  return {};
}

Status check_operands(const std::vector<Shape>& shapes, int64_t samples, Problem* problem) {
  if (Status bad = set_extents(shapes, samples, problem); !bad.empty()) return bad;
  for (const Operand operand : {kKey, kCounter, kFirstExample}) {
    if (Status bad = expect_operand(operand, shapes, problem->prior); !bad.empty()) return bad;
  }
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
