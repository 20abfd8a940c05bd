// Converts a TensorFlow kernel's context to launcher arguments; the same for CPU and GPU, and for both ops.
#pragma once

#include "absl/strings/str_cat.h"
#include "core/operands.h"
#include "core/shapes.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace tfvae::tf {

// The attributes that both ops share, read when the kernel is constructed.
struct Attributes {
  explicit Attributes(::tensorflow::OpKernelConstruction* context);

  Prior prior = Prior::kStandard;
  DType dtype = DType::kFloat;
  int64_t samples = 1;
  bool per_dimension = false;
};

inline absl::Status to_status(const Status& sentence) {
  return sentence.empty() ? absl::OkStatus() : absl::InvalidArgumentError(sentence);
}

Shape shape_of(const ::tensorflow::Tensor& tensor);

// Checks the operands, and fills `problem` with their extents and addresses.
Status read_problem(::tensorflow::OpKernelContext* context, const Attributes& attributes, Problem* problem);

absl::Status allocate(::tensorflow::OpKernelContext* context, int output, const Shape& shape, void** data);

}  // namespace tfvae::tf
