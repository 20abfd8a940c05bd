// The CUDA launchers. They enqueue on `stream` and neither wait nor allocate: `workspace` is device memory of
// `workspace_bytes`, 256-byte aligned. Same inputs, same bits on one kind of device, whatever the launch geometry.
//
// What a host would have to wait to see is not an error here but NaN: a prior_scale that is not lower triangular or has
// a diagonal that is not positive gives NaN in every kl and in every gradient of the kl.
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
