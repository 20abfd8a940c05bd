// Not marked as compatible with command buffers: the workspace is borrowed for the call, and a recorded call would keep
// using it.
#include "cuda/launch.h"
#include "ffi/call.h"
#include "ffi/handlers.h"

namespace tfvae::ffi {
namespace {

namespace xf = ::xla::ffi;

constexpr size_t kAlignment = 256;

Status allocate(xf::ScratchAllocator* scratch, size_t bytes, void** workspace) {
  if (bytes == 0) return {};
  const auto memory = scratch->Allocate(bytes, kAlignment);
  if (!memory.has_value()) return "No " + std::to_string(bytes) + " bytes of GPU memory were left for the workspace.";
  *workspace = *memory;
  return {};
}

xf::Error forward(cuda::Stream stream, xf::ScratchAllocator scratch, xf::RemainingArgs operands,
                  xf::RemainingRets results, xf::Dictionary attributes) {
  Forward call;
  if (Status bad = read_forward(operands, results, attributes, &call); !bad.empty()) return to_error(bad);
  void* workspace = nullptr;
  const size_t bytes = cuda::forward_workspace_bytes(call.problem);
  if (Status bad = allocate(&scratch, bytes, &workspace); !bad.empty()) {
    return xf::Error(xf::ErrorCode::kResourceExhausted, bad);
  }
  return to_error(cuda::sample_and_kl(call.problem, call.outputs, workspace, stream));
}

xf::Error gradient(cuda::Stream stream, xf::ScratchAllocator scratch, xf::RemainingArgs operands,
                   xf::RemainingRets results, xf::Dictionary attributes) {
  Gradient call;
  if (Status bad = read_gradient(operands, results, attributes, &call); !bad.empty()) return to_error(bad);
  void* workspace = nullptr;
  const size_t bytes = cuda::backward_workspace_bytes(call.problem, call.gradients);
  if (Status bad = allocate(&scratch, bytes, &workspace); !bad.empty()) {
    return xf::Error(xf::ErrorCode::kResourceExhausted, bad);
  }
  return to_error(cuda::sample_and_kl_grad(call.problem, call.upstream, call.gradients, workspace, stream));
}

auto binding() {
  return xf::Ffi::Bind()
      .Ctx<xf::PlatformStream<cuda::Stream>>()
      .Ctx<xf::ScratchAllocator>()
      .RemainingArgs()
      .RemainingRets()
      .Attrs();
}

}  // namespace
}  // namespace tfvae::ffi

XLA_FFI_DEFINE_HANDLER_SYMBOL(tfvae_sample_and_kl_cuda, tfvae::ffi::forward, tfvae::ffi::binding());
XLA_FFI_DEFINE_HANDLER_SYMBOL(tfvae_sample_and_kl_grad_cuda, tfvae::ffi::gradient, tfvae::ffi::binding());
