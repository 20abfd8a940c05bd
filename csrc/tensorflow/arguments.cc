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
              absl::InvalidArgumentError(absl::StrCat("prior_mean: got ", DataTypeString(wide), " with z_mean of type ",
                                                    DataTypeString(narrow), ", expected ", DataTypeString(wanted),
                                                    ".")));
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
  problem->dtype = attributes.dtype;
  problem->prior = attributes.prior;
  problem->per_dimension = attributes.per_dimension;
  std::vector<Shape> shapes;
  Addresses addresses;
  for (int i = 0; i < kOperandCount; ++i) {
    const Tensor& tensor = context->input(i);
    shapes.push_back(shape_of(tensor));
    addresses[i] = tensor.data();
  }
  set_addresses(addresses, problem);
  return check_operands(shapes, attributes.samples, problem);
}

absl::Status allocate(OpKernelContext* context, int output, const Shape& shape, void** data) {
  Tensor* tensor = nullptr;
  TF_RETURN_IF_ERROR(context->allocate_output(output, TensorShape(shape), &tensor));
  *data = tensor->data();
  return absl::OkStatus();
}

}  // namespace tfvae::tf
