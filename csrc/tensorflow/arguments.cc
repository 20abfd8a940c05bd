#include "tensorflow/arguments.h"

namespace tfvae::tf {

using ::tensorflow::DataType;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;

Attributes::Attributes(OpKernelConstruction* context) {
  std::string name;
  DataType narrow, wide;
  OP_REQUIRES_OK(context, context->GetAttr("prior", &name));
  OP_REQUIRES_OK(context, to_status(parse_prior(name, &prior)));
  OP_REQUIRES_OK(context, context->GetAttr("samples", &samples));
  OP_REQUIRES_OK(context, context->GetAttr("per_dimension", &per_dimension));
  OP_REQUIRES_OK(context, context->GetAttr("T", &narrow));
  OP_REQUIRES_OK(context, context->GetAttr("U", &wide));
  const DataType wanted = narrow == ::tensorflow::DT_DOUBLE ? ::tensorflow::DT_DOUBLE : ::tensorflow::DT_FLOAT;
  OP_REQUIRES(context, wide == wanted,
              absl::InvalidArgumentError(absl::StrCat("prior_mean: got ", DataTypeString(wide), " beside z_mean of ",
                                                    DataTypeString(narrow), ", want ", DataTypeString(wanted), ".")));
  if (narrow == ::tensorflow::DT_HALF) dtype = DType::kHalf;
  if (narrow == ::tensorflow::DT_BFLOAT16) dtype = DType::kBFloat16;
  if (narrow == ::tensorflow::DT_DOUBLE) dtype = DType::kDouble;
}

Shape shape_of(const Tensor& tensor) {
  Shape shape(tensor.dims());
  for (int axis = 0; axis < tensor.dims(); ++axis) shape[axis] = tensor.dim_size(axis);
  return shape;
}

Status read_problem(OpKernelContext* context, const Attributes& attributes, Problem* problem) {
  const Tensor &mean = context->input(0), &log_var = context->input(1);
  const Tensor &prior_mean = context->input(2), &prior_scale = context->input(3);
  const Tensor &key = context->input(4), &counter = context->input(5), &first_example = context->input(6);
  problem->dtype = attributes.dtype;
  problem->prior = attributes.prior;
  problem->per_dimension = attributes.per_dimension;
  if (Status bad = set_extents(shape_of(mean), shape_of(log_var), shape_of(prior_mean), shape_of(prior_scale),
                               attributes.samples, problem);
      !bad.empty()) {
    return bad;
  }
  if (Status bad = expect_shape("key", shape_of(key), {1}); !bad.empty()) return bad;
  if (Status bad = expect_shape("counter", shape_of(counter), {2}); !bad.empty()) return bad;
  if (Status bad = expect_shape("first_example", shape_of(first_example), {}); !bad.empty()) return bad;
  problem->mean = mean.data();
  problem->log_var = log_var.data();
  problem->prior_mean = prior_mean.data();
  problem->prior_scale = prior_scale.data();
  problem->key = key.flat<uint64_t>().data();
  problem->counter = counter.flat<uint64_t>().data();
  problem->first_example = first_example.flat<int64_t>().data();
  return {};
}

absl::Status allocate(OpKernelContext* context, int output, const Shape& shape, void** data) {
  Tensor* tensor = nullptr;
  TF_RETURN_IF_ERROR(context->allocate_output(output, TensorShape(shape), &tensor));
  *data = tensor->data();
  return absl::OkStatus();
}

}  // namespace tfvae::tf
