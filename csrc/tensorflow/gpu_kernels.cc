// GPU kernels, on the stream of TensorFlow's device. No input is in host memory: the address of the noise is read on
// the device, so that no step waits for a copy.
#include "cuda/launch.h"
#include "tensorflow/op_kernels.h"
#include "xla/stream_executor/stream.h"

namespace tfvae::tf {
namespace {

using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;

cuda::Stream stream_of(OpKernelContext* context) {
  return context->op_device_context()->stream()->platform_specific_handle().stream;
}

absl::Status allocate_workspace(OpKernelContext* context, size_t bytes, Tensor* memory, void** workspace) {
  if (bytes == 0) return absl::OkStatus();
  const TensorShape shape({static_cast<int64_t>(bytes)});
  TF_RETURN_IF_ERROR(context->allocate_temp(::tensorflow::DT_UINT8, shape, memory));
  *workspace = memory->data();
  return absl::OkStatus();
}

struct OnGpu {
  static absl::Status forward(OpKernelContext* context, const Problem& problem, const Outputs& outputs) {
    Tensor memory;
    void* workspace = nullptr;
    TF_RETURN_IF_ERROR(allocate_workspace(context, cuda::forward_workspace_bytes(problem), &memory, &workspace));
    return to_status(cuda::sample_and_kl(problem, outputs, workspace, stream_of(context)));
  }

  static absl::Status backward(OpKernelContext* context, const Problem& problem, const Upstream& upstream,
                               const Gradients& gradients) {
    Tensor memory;
    void* workspace = nullptr;
    const size_t bytes = cuda::backward_workspace_bytes(problem, gradients);
    TF_RETURN_IF_ERROR(allocate_workspace(context, bytes, &memory, &workspace));
    return to_status(cuda::sample_and_kl_grad(problem, upstream, gradients, workspace, stream_of(context)));
  }
};

}  // namespace

REGISTER_KERNEL_BUILDER(Name("Tfvae>SampleAndKl").Device(::tensorflow::DEVICE_GPU), SampleAndKlOp<OnGpu>);
REGISTER_KERNEL_BUILDER(Name("Tfvae>SampleAndKlGrad").Device(::tensorflow::DEVICE_GPU), SampleAndKlGradOp<OnGpu>);

}  // namespace tfvae::tf
