// The steps of a call, each one or a few kernels, which launch.cu combines. T is the dtype.
#pragma once

#include "cuda/device.cuh"
#include "cuda/workspace.h"

namespace tfvae::cuda {

// squares[row, i] = (W (mean - m))_i^2, plus sum_{j<i} W_ij^2 (exp(v_j) - 1) per dimension.
template <class T>
void whiten_forward(const Problem& problem, const PriorTables<Wide<T>>& tables, Wide<T>* squares, Queue* queue);

// whitened, pull and spread of the workspace.
template <class T>
void whiten_backward(const Problem& problem, const Upstream& upstream, const BackwardWorkspace<Wide<T>>& workspace,
                     Queue* queue);

// z, kl and log_q of every example; `squares` as above, null without a correlated prior.
template <class T>
void forward(const Problem& problem, const Outputs& outputs, const PriorTables<Wide<T>>& tables,
             const Wide<T>* squares, Queue* queue);

// Gradients of mean and log_var.
template <class T>
void backward(const Problem& problem, const Upstream& upstream, const Gradients& gradients,
              const BackwardWorkspace<Wide<T>>& workspace, Queue* queue);

// Gradients of the prior's mean and scale, after whiten_backward.
template <class T>
void prior_gradient(const Problem& problem, const Upstream& upstream, const Gradients& gradients,
                    const BackwardWorkspace<Wide<T>>& workspace, Queue* queue);

// The upstream of the KL for element `column` of a row.
template <class F>
struct KlUpstream {
  const F* kl;
  int64_t latent, positions;
  bool per_dimension;

  __device__ __forceinline__ F operator()(int64_t row, int64_t column) const {
    if (per_dimension) return kl[row * latent + column];
    return kl[positions == 1 ? row : row / positions];
  }
};

template <class F>
KlUpstream<F> kl_upstream(const Problem& p, const Upstream& upstream) {
  return {static_cast<const F*>(upstream.kl), p.latent, positions_of(p), p.per_dimension};
}

// Whether four elements can be one memory access everywhere in an array of rows.
template <class T>
bool aligned(const void* array) {
  return reinterpret_cast<uintptr_t>(array) % alignof(Four<T>) == 0;
}

// The same for the inputs; the prior's mean is read four at a time wherever an example's columns are.
template <class T>
bool inputs_aligned(const Problem& p) {
  if (p.width % kGroup != 0 || !aligned<T>(p.mean) || !aligned<T>(p.log_var)) return false;
  return p.prior == Prior::kStandard || (p.latent % kGroup == 0 && aligned<Wide<T>>(p.prior_mean));
}

}  // namespace tfvae::cuda
