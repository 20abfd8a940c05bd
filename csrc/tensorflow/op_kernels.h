// The two ops as kernels; a device adds a launcher, a class with two functions.
#pragma once

#include "tensorflow/arguments.h"

namespace tfvae::tf {

// Launcher::forward(context, problem, outputs) and Launcher::backward(context, problem, upstream, gradients) return a
// TensorFlow status.
template <class Launcher>
class SampleAndKlOp : public ::tensorflow::OpKernel {
 public:
  explicit SampleAndKlOp(::tensorflow::OpKernelConstruction* context) : OpKernel(context), attributes_(context) {
    OP_REQUIRES_OK(context, context->GetAttr("with_log_q", &log_q_));
  }

  void Compute(::tensorflow::OpKernelContext* context) override {
    Problem problem;
    OP_REQUIRES_OK(context, to_status(read_problem(context, attributes_, &problem)));
    const Shape mean = shape_of(context->input(kZMean));
    Outputs outputs;
    OP_REQUIRES_OK(context, allocate(context, 0, z_shape(mean, problem.samples), &outputs.z));
    OP_REQUIRES_OK(context, allocate(context, 1, kl_shape(mean, problem.per_dimension), &outputs.kl));
    const Shape log_q = log_q_ ? log_q_shape(mean, problem.samples) : Shape{0};
    OP_REQUIRES_OK(context, allocate(context, 2, log_q, &outputs.log_q));
    if (!log_q_) outputs.log_q = nullptr;
    OP_REQUIRES_OK(context, Launcher::forward(context, problem, outputs));
  }

 private:
  const Attributes attributes_;
  bool log_q_ = false;
};

template <class Launcher>
class SampleAndKlGradOp : public ::tensorflow::OpKernel {
 public:
  explicit SampleAndKlGradOp(::tensorflow::OpKernelConstruction* context) : OpKernel(context), attributes_(context) {
    OP_REQUIRES_OK(context, context->GetAttr("prior_gradient", &prior_gradient_));
    prior_gradient_ = prior_gradient_ && attributes_.prior != Prior::kStandard;
  }

  void Compute(::tensorflow::OpKernelContext* context) override {
    Problem problem;
    OP_REQUIRES_OK(context, to_status(read_problem(context, attributes_, &problem)));
    const Shape mean = shape_of(context->input(kZMean));
    Upstream upstream;
    OP_REQUIRES_OK(context, read_upstream(context, "d_z", z_shape(mean, problem.samples), &upstream.z));
    OP_REQUIRES_OK(context, read_upstream(context, "d_kl", kl_shape(mean, problem.per_dimension), &upstream.kl));
    OP_REQUIRES_OK(context, read_upstream(context, "d_log_q", log_q_shape(mean, problem.samples), &upstream.log_q));
    Gradients gradients;
    OP_REQUIRES_OK(context, allocate(context, kZMean, mean, &gradients.mean));
    OP_REQUIRES_OK(context, allocate(context, kZLogVar, mean, &gradients.log_var));
    const Shape none = {0};
    const Shape prior_mean = prior_gradient_ ? shape_of(context->input(kPriorMean)) : none;
    const Shape prior_scale = prior_gradient_ ? shape_of(context->input(kPriorScale)) : none;
    OP_REQUIRES_OK(context, allocate(context, kPriorMean, prior_mean, &gradients.prior_mean));
    OP_REQUIRES_OK(context, allocate(context, kPriorScale, prior_scale, &gradients.prior_scale));
    if (!prior_gradient_) gradients.prior_mean = gradients.prior_scale = nullptr;
    OP_REQUIRES_OK(context, Launcher::backward(context, problem, upstream, gradients));
  }

 private:
  // An upstream is a list of one tensor, or of none, which leaves `data` null.
  static absl::Status read_upstream(::tensorflow::OpKernelContext* context, const char* name, const Shape& wanted,
                                    const void** data) {
    ::tensorflow::OpInputList list;
    TF_RETURN_IF_ERROR(context->input_list(name, &list));
    if (list.size() == 0) return absl::OkStatus();
    if (list.size() > 1) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": got ", list.size(), " tensors, expected none or one."));
    }
    *data = list[0].data();
    return to_status(expect_shape(name, shape_of(list[0]), wanted));
  }

  const Attributes attributes_;
  bool prior_gradient_ = false;
};

}  // namespace tfvae::tf
