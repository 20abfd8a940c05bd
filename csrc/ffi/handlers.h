// The latent op as typed XLA FFI handlers, for TensorFlow's XLA and, as capsules, for JAX.
//
// Operands: those of core/operands.h. Then, for the gradient, those of d_z, d_kl and d_log_q whose attributes are true,
// in this order.
//
// Results, forward: z, kl, and log_q if requested. Gradient: d_z_mean, d_z_log_var, and d_prior_mean and d_prior_scale
// if prior_gradient is true, which the standard prior does not allow.
//
// Attributes of both: samples i64, prior string ("standard", "diagonal", "cholesky"), per_dimension bool.
// Forward: log_q bool. Gradient: d_z, d_kl, d_log_q bool, whether each is an operand; prior_gradient bool.
#pragma once

#include "xla/ffi/api/ffi.h"

namespace tfvae::ffi {

inline constexpr char kForward[] = "tfvae_sample_and_kl";
inline constexpr char kGradient[] = "tfvae_sample_and_kl_grad";

}  // namespace tfvae::ffi

XLA_FFI_DECLARE_HANDLER_SYMBOL(tfvae_sample_and_kl_host);
XLA_FFI_DECLARE_HANDLER_SYMBOL(tfvae_sample_and_kl_grad_host);
#if TFVAE_CUDA
XLA_FFI_DECLARE_HANDLER_SYMBOL(tfvae_sample_and_kl_cuda);
XLA_FFI_DECLARE_HANDLER_SYMBOL(tfvae_sample_and_kl_grad_cuda);
#endif
