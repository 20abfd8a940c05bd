// The two ops and their shape functions, which merge and check the known dimensions of all inputs.
#include <string>

#include "absl/strings/str_cat.h"
#include "core/operands.h"
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace tfvae {
namespace {

using ::tensorflow::DataType;
using ::tensorflow::DT_DOUBLE;
using ::tensorflow::DT_FLOAT;
using ::tensorflow::InitOnStartupMarker;
using ::tensorflow::register_op::OpDefBuilderWrapper;
using ::tensorflow::shape_inference::DimensionHandle;
using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

absl::Status refused(InferenceContext* c, const char* name, ShapeHandle came, const std::string& wanted) {
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": got shape ", c->DebugString(came), ", expected ", wanted, "."));
}

// Merges `came` with `wanted` into `merged`; the error names the input whose shape does not match.
absl::Status merge(InferenceContext* c, const char* name, ShapeHandle came, ShapeHandle wanted, ShapeHandle* merged) {
  // Merge writes to its output even if it fails, so the message prints the shape that was passed.
  ShapeHandle result;
  if (!c->Merge(came, wanted, &result).ok()) return refused(c, name, came, c->DebugString(wanted));
  *merged = result;
  return absl::OkStatus();
}

absl::Status merge(InferenceContext* c, Operand operand, ShapeHandle wanted, ShapeHandle* merged) {
  return merge(c, kOperands[operand].name, c->input(operand), wanted, merged);
}

absl::Status expect(InferenceContext* c, Operand operand, ShapeHandle wanted) {
  ShapeHandle ignored;
  return merge(c, operand, wanted, &ignored);
}

struct Attributes {
  int64_t samples;
  std::string prior;
  bool per_dimension;
};

absl::Status read_attributes(InferenceContext* c, Attributes* attributes) {
  TF_RETURN_IF_ERROR(c->GetAttr("samples", &attributes->samples));
  TF_RETURN_IF_ERROR(c->GetAttr("prior", &attributes->prior));
  TF_RETURN_IF_ERROR(c->GetAttr("per_dimension", &attributes->per_dimension));
  DataType narrow, wide;
  TF_RETURN_IF_ERROR(c->GetAttr("T", &narrow));
  TF_RETURN_IF_ERROR(c->GetAttr("U", &wide));
  const DataType wanted = narrow == DT_DOUBLE ? DT_DOUBLE : DT_FLOAT;
  if (wide == wanted) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("prior_mean: got ", DataTypeString(wide), " with z_mean of type ",
                                               DataTypeString(narrow), ", expected ", DataTypeString(wanted), "."));
}

// The shape of z_mean, as far as the operands determine it.
absl::Status infer_mean(InferenceContext* c, const Attributes& attributes, ShapeHandle* mean) {
  ShapeHandle at_least;
  if (!c->WithRankAtLeast(c->input(kZMean), 2, &at_least).ok()) {
    return refused(c, kOperands[kZMean].name, c->input(kZMean), "[batch, ...], of rank at least 2");
  }
  TF_RETURN_IF_ERROR(merge(c, kZLogVar, at_least, mean));
  const DimensionHandle latent = c->RankKnown(*mean) ? c->Dim(*mean, -1) : c->UnknownDim();
  if (attributes.prior == "standard") {
    TF_RETURN_IF_ERROR(expect(c, kPriorMean, c->Vector(int64_t{0})));
    TF_RETURN_IF_ERROR(expect(c, kPriorScale, c->Vector(int64_t{0})));
  } else {
    ShapeHandle prior_mean, scale;
    TF_RETURN_IF_ERROR(merge(c, kPriorMean, c->Vector(latent), &prior_mean));
    const DimensionHandle known = c->Dim(prior_mean, 0);
    const ShapeHandle wanted = attributes.prior == "diagonal" ? c->Vector(known) : c->Matrix(known, known);
    TF_RETURN_IF_ERROR(merge(c, kPriorScale, wanted, &scale));
    if (c->RankKnown(*mean)) TF_RETURN_IF_ERROR(c->ReplaceDim(*mean, -1, c->Dim(scale, 0), mean));
  }
  TF_RETURN_IF_ERROR(expect(c, kKey, c->Vector(1)));
  TF_RETURN_IF_ERROR(expect(c, kCounter, c->Vector(2)));
  return expect(c, kFirstExample, c->Scalar());
}

absl::Status z_shape(InferenceContext* c, ShapeHandle mean, int64_t samples, ShapeHandle* z) {
  return c->Concatenate(c->Vector(samples), mean, z);
}

ShapeHandle kl_shape(InferenceContext* c, ShapeHandle mean, bool per_dimension) {
  if (per_dimension) return mean;
  return c->Vector(c->RankKnown(mean) ? c->Dim(mean, 0) : c->UnknownDim());
}

ShapeHandle log_q_shape(InferenceContext* c, ShapeHandle mean, int64_t samples) {
  return c->Matrix(c->MakeDim(samples), c->RankKnown(mean) ? c->Dim(mean, 0) : c->UnknownDim());
}

absl::Status forward_shapes(InferenceContext* c) {
  Attributes attributes;
  TF_RETURN_IF_ERROR(read_attributes(c, &attributes));
  bool log_q;
  TF_RETURN_IF_ERROR(c->GetAttr("with_log_q", &log_q));
  ShapeHandle mean, z;
  TF_RETURN_IF_ERROR(infer_mean(c, attributes, &mean));
  TF_RETURN_IF_ERROR(z_shape(c, mean, attributes.samples, &z));
  c->set_output(0, z);
  c->set_output(1, kl_shape(c, mean, attributes.per_dimension));
  c->set_output(2, log_q ? log_q_shape(c, mean, attributes.samples) : c->Vector(int64_t{0}));
  return absl::OkStatus();
}

// Reads the number of tensors in an upstream list: none or one.
absl::Status read_count(InferenceContext* c, const char* attribute, int* count) {
  TF_RETURN_IF_ERROR(c->GetAttr(attribute, count));
  if (*count <= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(attribute, ": got ", *count, " tensors, expected none or one."));
}

// Refines the first axis of `mean` from an upstream of shape [..., batch].
absl::Status narrow_batch(InferenceContext* c, ShapeHandle upstream, ShapeHandle* mean) {
  if (!c->RankKnown(*mean)) return absl::OkStatus();
  return c->ReplaceDim(*mean, 0, c->Dim(upstream, -1), mean);
}

absl::Status gradient_shapes(InferenceContext* c) {
  Attributes attributes;
  TF_RETURN_IF_ERROR(read_attributes(c, &attributes));
  ShapeHandle mean, upstream;
  TF_RETURN_IF_ERROR(infer_mean(c, attributes, &mean));
  int input = kFirstUpstream, n_z, n_kl, n_log_q;
  TF_RETURN_IF_ERROR(read_count(c, "n_z", &n_z));
  TF_RETURN_IF_ERROR(read_count(c, "n_kl", &n_kl));
  TF_RETURN_IF_ERROR(read_count(c, "n_log_q", &n_log_q));
  if (n_z) {
    ShapeHandle z;
    TF_RETURN_IF_ERROR(z_shape(c, mean, attributes.samples, &z));
    TF_RETURN_IF_ERROR(merge(c, "d_z", c->input(input++), z, &upstream));
    TF_RETURN_IF_ERROR(c->Subshape(upstream, 1, &mean));
  }
  if (n_kl) {
    const ShapeHandle kl = kl_shape(c, mean, attributes.per_dimension);
    TF_RETURN_IF_ERROR(merge(c, "d_kl", c->input(input++), kl, &upstream));
    if (attributes.per_dimension) {
      mean = upstream;
    } else {
      TF_RETURN_IF_ERROR(narrow_batch(c, upstream, &mean));
    }
  }
  if (n_log_q) {
    const ShapeHandle log_q = log_q_shape(c, mean, attributes.samples);
    TF_RETURN_IF_ERROR(merge(c, "d_log_q", c->input(input++), log_q, &upstream));
    TF_RETURN_IF_ERROR(narrow_batch(c, upstream, &mean));
  }
  bool prior_gradient;
  TF_RETURN_IF_ERROR(c->GetAttr("prior_gradient", &prior_gradient));
  c->set_output(kZMean, mean);
  c->set_output(kZLogVar, mean);
  for (const Operand operand : {kPriorMean, kPriorScale}) {
    c->set_output(operand, prior_gradient ? c->input(operand) : c->Vector(int64_t{0}));
  }
  return absl::OkStatus();
}

// An op whose first inputs are the operands.
OpDefBuilderWrapper op(const char* name) {
  const char* const types[] = {"T", "U", "uint64", "int64"};  // in the order of OperandType
  OpDefBuilderWrapper builder(name);
  for (const OperandSpec& operand : kOperands) {
    builder.Input(absl::StrCat(operand.name, ": ", types[static_cast<int>(operand.type)]));
  }
  return builder;
}

std::string describe_operands() {
  std::string lines;
  for (const OperandSpec& operand : kOperands) absl::StrAppend(&lines, operand.name, ": ", operand.description, "\n");
  return lines;
}

// Equivalent to REGISTER_OP, for an op that already has inputs.
[[maybe_unused]] const InitOnStartupMarker forward =
    InitOnStartupMarker{} << op("Tfvae>SampleAndKl")
    .Output("z: T")
    .Output("kl: U")
    .Output("log_q: U")
    .Attr("T: {half, bfloat16, float, double}")
    .Attr("U: {float, double}")
    .Attr("samples: int >= 1 = 1")
    .Attr("prior: {'standard', 'diagonal', 'cholesky'} = 'standard'")
    .Attr("per_dimension: bool = false")
    .Attr("with_log_q: bool = false")
    .Attr("prior_gradient: bool = false")
    .SetShapeFn(forward_shapes)
    .Doc(absl::StrCat(R"doc(
Draws z from a diagonal Gaussian posterior and computes its KL to a Gaussian prior, in nats.

z = z_mean + exp(z_log_var / 2) * eps; eps is Philox noise at key and counter, element i of example e at position
(first_example + e) * width + i, so that it depends neither on the batch nor on the shard.

)doc", describe_operands(), R"doc(z: `[samples, batch, ...]`.
kl: `[batch]`, or the shape of z_mean if per_dimension is true.
log_q: log q(z|x) `[samples, batch]`, or `[0]` if with_log_q is false.
prior_gradient: Whether the gradient of this op is also taken with respect to the prior.
)doc"));

[[maybe_unused]] const InitOnStartupMarker gradient =
    InitOnStartupMarker{} << op("Tfvae>SampleAndKlGrad")
    .Input("d_z: n_z * T")
    .Input("d_kl: n_kl * U")
    .Input("d_log_q: n_log_q * U")
    .Output("d_z_mean: T")
    .Output("d_z_log_var: T")
    .Output("d_prior_mean: U")
    .Output("d_prior_scale: U")
    .Attr("T: {half, bfloat16, float, double}")
    .Attr("U: {float, double}")
    .Attr("n_z: int >= 0")
    .Attr("n_kl: int >= 0")
    .Attr("n_log_q: int >= 0")
    .Attr("samples: int >= 1 = 1")
    .Attr("prior: {'standard', 'diagonal', 'cholesky'} = 'standard'")
    .Attr("per_dimension: bool = false")
    .Attr("prior_gradient: bool = false")
    .SetShapeFn(gradient_shapes)
    .Doc(R"doc(
The gradient of SampleAndKl, which redraws the noise and stores none. It has no gradient itself.

d_z: Gradient of the loss with respect to z, or an empty list if the loss does not use z; d_kl and d_log_q likewise.
d_prior_mean: `[0]` unless prior_gradient is true and the prior is not the standard prior; d_prior_scale likewise.
)doc");

}  // namespace
}  // namespace tfvae
