// The CUDA launchers. They enqueue on `stream` and neither wait nor allocate: `workspace` is device memory of
// `workspace_bytes`, 256-byte aligned. On one kind of device, the same inputs give the same bits, whatever the launch
// geometry.
//
// Errors that the host could see only by waiting give NaN instead: a prior_scale that is not lower triangular, or whose
// diagonal is not positive, gives NaN in every kl and in every gradient of the kl.
#pragma once

#include <cstddef>

#include "core/latent.h"

namespace tfvae::cuda {

// A cudaStream_t; void* keeps CUDA's headers out of the adapters.
using Stream = void*;

size_t forward_workspace_bytes(const Problem& problem);
size_t backward_workspace_bytes(const Problem& problem, const Gradients& gradients);

Status sample_and_kl(const Problem& problem, const Outputs& outputs, void* workspace, Stream stream);

Status sample_and_kl_grad(const Problem& problem, const Upstream& upstream, const Gradients& gradients,
                          void* workspace, Stream stream);

}  // namespace tfvae::cuda
