// The latent op as typed XLA FFI handlers, for TensorFlow's XLA and, as capsules, for JAX.
//
// Operands: those of core/operands.h. Then, for the gradient, those of d_z, d_kl and d_log_q that the attributes
// announce, in this order.
//
// Results, forward: z, kl, and log_q where it is asked for. Gradient: d_z_mean, d_z_log_var, and d_prior_mean and
// d_prior_scale where prior_gradient is true, which the standard prior has not.
//
// Attributes of both: samples i64, prior string ("standard", "diagonal", "cholesky"), per_dimension bool.
// Of the forward: log_q bool. Of the gradient: d_z, d_kl, d_log_q bool, which of them follow; prior_gradient bool.
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
