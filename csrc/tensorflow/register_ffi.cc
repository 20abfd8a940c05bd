// Registers the handlers with TensorFlow's XLA. _tfvae_kernels has the same handlers and does not register them.
#include "ffi/handlers.h"

extern "C" const XLA_FFI_Api* XLA_FFI_GetApi();

namespace tfvae::ffi {

XLA_FFI_REGISTER_HANDLER(XLA_FFI_GetApi(), kForward, "Host", tfvae_sample_and_kl_host);
XLA_FFI_REGISTER_HANDLER(XLA_FFI_GetApi(), kGradient, "Host", tfvae_sample_and_kl_grad_host);
#if TFVAE_CUDA
XLA_FFI_REGISTER_HANDLER(XLA_FFI_GetApi(), kForward, "CUDA", tfvae_sample_and_kl_cuda);
XLA_FFI_REGISTER_HANDLER(XLA_FFI_GetApi(), kGradient, "CUDA", tfvae_sample_and_kl_grad_cuda);
#endif

}  // namespace tfvae::ffi
