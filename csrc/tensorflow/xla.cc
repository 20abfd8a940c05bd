// The two ops under XLA: typed FFI custom calls to the handlers of csrc/ffi. The only file that is slow to compile.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/shapes.h"
#include "ffi/handlers.h"
#include "tensorflow/arguments.h"
#include "tensorflow/compiler/tf2xla/xla_op_kernel.h"
#include "tensorflow/compiler/tf2xla/xla_op_registry.h"
#include "tensorflow/core/framework/kernel_def.pb.h"
#include "xla/hlo/builder/lib/constants.h"
#include "xla/hlo/builder/xla_builder.h"
#include "xla/layout_util.h"
#include "xla/shape_util.h"

namespace tfvae::tf {
namespace {

using ::tensorflow::OpKernelConstruction;
using ::tensorflow::XlaOpKernel;
using ::tensorflow::XlaOpKernelContext;

// The parts of a call: the shapes of the inputs, and the results in order.
struct Call {
  Problem problem;
  std::vector<Shape> shapes;
  xla::PrimitiveType narrow, wide;
  std::vector<xla::Shape> results;

  void add(xla::PrimitiveType type, const Shape& shape) { results.push_back(xla::ShapeUtil::MakeShape(type, shape)); }
};

const char* flag(bool value) { return value ? "true" : "false"; }

std::string common_attributes(const Attributes& attributes) {
  const char* const priors[] = {"standard", "diagonal", "cholesky"};
  return "samples = " + std::to_string(attributes.samples) + " : i64, prior = \"" +
         priors[static_cast<int>(attributes.prior)] + "\", per_dimension = " + flag(attributes.per_dimension);
}

absl::Status read_call(XlaOpKernelContext* context, const Attributes& attributes, Call* call) {
  for (int input = 0; input < context->num_inputs(); ++input) {
    TF_ASSIGN_OR_RETURN(const xla::Shape shape, context->InputXlaShape(input));
    if (shape.is_dynamic()) {
      return absl::UnimplementedError(absl::StrCat(
          input < kFirstUpstream ? kOperands[input].name : "upstream", ": got shape ", shape.ToString(),
          ", which XLA knows only at run time; pass a shape that is known when the function is called, or call the op ",
          "outside jit_compile."));
    }
    call->shapes.emplace_back(shape.dimensions().begin(), shape.dimensions().end());
  }
  call->problem.prior = attributes.prior;
  call->narrow = context->input_xla_type(kZMean);
  call->wide = context->input_xla_type(kPriorMean);
  return to_status(check_operands(call->shapes, attributes.samples, &call->problem));
}

// Emits the call with every operand and result in row-major order, and returns its results one by one.
absl::StatusOr<std::vector<xla::XlaOp>> emit(XlaOpKernelContext* context, const Call& call, const char* target,
                                             const std::string& attributes) {
  std::vector<xla::XlaOp> operands;
  std::vector<xla::Shape> shapes;
  for (int input = 0; input < context->num_inputs(); ++input) {
    operands.push_back(context->Input(input));
    TF_ASSIGN_OR_RETURN(xla::Shape shape, context->InputXlaShape(input));
    xla::LayoutUtil::SetToDefaultLayout(&shape);
    shapes.push_back(shape);
  }
  const xla::XlaOp tuple = xla::CustomCallWithLayout(
      context->builder(), target, operands, xla::ShapeUtil::MakeTupleShape(call.results), shapes,
      "{" + attributes + "}", /*has_side_effect=*/false, /*output_operand_aliasing=*/{}, /*literal=*/nullptr,
      xla::CustomCallSchedule::SCHEDULE_NONE, xla::CustomCallApiVersion::API_VERSION_TYPED_FFI);
  std::vector<xla::XlaOp> results;
  for (size_t i = 0; i < call.results.size(); ++i) results.push_back(xla::GetTupleElement(tuple, i));
  return results;
}

class SampleAndKlXlaOp : public XlaOpKernel {
 public:
  explicit SampleAndKlXlaOp(OpKernelConstruction* context) : XlaOpKernel(context), attributes_(context) {
    OP_REQUIRES_OK(context, context->GetAttr("with_log_q", &log_q_));
  }

  void Compile(XlaOpKernelContext* context) override {
    Call call;
    OP_REQUIRES_OK(context, read_call(context, attributes_, &call));
    const Shape& mean = call.shapes[kZMean];
    call.add(call.narrow, z_shape(mean, attributes_.samples));
    call.add(call.wide, kl_shape(mean, attributes_.per_dimension));
    if (log_q_) call.add(call.wide, log_q_shape(mean, attributes_.samples));
    const std::string attributes = common_attributes(attributes_) + ", log_q = " + flag(log_q_);
    const auto results = emit(context, call, ffi::kForward, attributes);
    OP_REQUIRES_OK(context, results.status());
    for (size_t i = 0; i < results->size(); ++i) context->SetOutput(i, (*results)[i]);
    if (!log_q_) context->SetOutput(2, empty(context, call.wide));
  }

  static xla::XlaOp empty(XlaOpKernelContext* context, xla::PrimitiveType type) {
    return xla::Broadcast(xla::Zero(context->builder(), type), {0});
  }

 private:
  const Attributes attributes_;
  bool log_q_ = false;
};

class SampleAndKlGradXlaOp : public XlaOpKernel {
 public:
  explicit SampleAndKlGradXlaOp(OpKernelConstruction* context) : XlaOpKernel(context), attributes_(context) {
    OP_REQUIRES_OK(context, context->GetAttr("prior_gradient", &prior_gradient_));
    OP_REQUIRES_OK(context, context->GetAttr("n_z", &counts_[0]));
    OP_REQUIRES_OK(context, context->GetAttr("n_kl", &counts_[1]));
    OP_REQUIRES_OK(context, context->GetAttr("n_log_q", &counts_[2]));
    prior_gradient_ = prior_gradient_ && attributes_.prior != Prior::kStandard;
  }

  void Compile(XlaOpKernelContext* context) override {
    Call call;
    OP_REQUIRES_OK(context, read_call(context, attributes_, &call));
    OP_REQUIRES_OK(context, check_upstream(call));
    for (int i = kZMean; i <= kZLogVar; ++i) call.add(call.narrow, call.shapes[i]);
    for (int i = kPriorMean; i <= kPriorScale && prior_gradient_; ++i) call.add(call.wide, call.shapes[i]);
    const std::string upstream = std::string(", d_z = ") + flag(counts_[0]) + ", d_kl = " + flag(counts_[1]) +
                                 ", d_log_q = " + flag(counts_[2]);
    const std::string attributes =
        common_attributes(attributes_) + upstream + ", prior_gradient = " + flag(prior_gradient_);
    const auto results = emit(context, call, ffi::kGradient, attributes);
    OP_REQUIRES_OK(context, results.status());
    for (size_t i = 0; i < results->size(); ++i) context->SetOutput(i, (*results)[i]);
    for (int i = kPriorMean; i <= kPriorScale && !prior_gradient_; ++i) {
      context->SetOutput(i, SampleAndKlXlaOp::empty(context, call.wide));
    }
  }

 private:
  absl::Status check_upstream(const Call& call) const {
    const Shape& mean = call.shapes[kZMean];
    const char* const names[] = {"d_z", "d_kl", "d_log_q"};
    const Shape wanted[] = {z_shape(mean, attributes_.samples), kl_shape(mean, attributes_.per_dimension),
                            log_q_shape(mean, attributes_.samples)};
    int input = kFirstUpstream;
    for (int i = 0; i < 3; ++i) {
      if (counts_[i] > 1) {
        return absl::InvalidArgumentError(
            absl::StrCat(names[i], ": got ", counts_[i], " tensors, expected none or one."));
      }
      if (counts_[i]) TF_RETURN_IF_ERROR(to_status(expect_shape(names[i], call.shapes[input++], wanted[i])));
    }
    return absl::OkStatus();
  }

  const Attributes attributes_;
  bool prior_gradient_ = false;
  int counts_[3] = {};
};

// XLA registers the kernels of its op registry once per process, when it first compiles something. A library that is
// loaded later must register its own; one that is loaded earlier must not, because XLA would then find two.
bool xla_has_begun(const char* device) {
  const ::tensorflow::KernelList kernels = ::tensorflow::GetRegisteredKernelsForOp("AddV2");
  for (const auto& kernel : kernels.kernel()) {
    if (kernel.device_type() == device) return true;
  }
  return false;
}

template <class Op>
bool register_op(const char* name, const char* device) {
  const auto create = [](OpKernelConstruction* context) -> ::tensorflow::OpKernel* { return new Op(context); };
  ::tensorflow::XlaOpRegistrar(::tensorflow::XlaOpRegistrationBuilder::Name(name).Device(device).Build(create));
  if (xla_has_begun(device)) {
    const auto* kernel = ::tensorflow::register_kernel::Name(name).Device(device).Build();
    ::tensorflow::kernel_factory::OpKernelRegistrar(kernel, name, create);
  }
  return true;
}

bool register_on(const char* device) {
  return register_op<SampleAndKlXlaOp>("Tfvae>SampleAndKl", device) &&
         register_op<SampleAndKlGradXlaOp>("Tfvae>SampleAndKlGrad", device);
}

[[maybe_unused]] const bool on_cpu = register_on(::tensorflow::DEVICE_CPU_XLA_JIT);
#if TFVAE_CUDA
[[maybe_unused]] const bool on_gpu = register_on(::tensorflow::DEVICE_GPU_XLA_JIT);
#endif

}  // namespace
}  // namespace tfvae::tf
