// The gradients of mean and log_var in one pass: reads both and the upstreams, redraws the noise, writes the gradients.
//   d_mean    = sum_k d_z + kl'_mean
//   d_log_var = sum_k 1/2 (scale eps_k d_z - d_log_q) + kl'_log_var
// where kl' with upstream g is g mean and g/2 (exp(v) - 1) for the standard prior, with prior.cuh's weight
// g weight (mean - m) and g/2 (weight exp(v) - 1), and for the correlated prior pull and 1/2 (spread exp(v) - g).
#include "cuda/steps.h"

namespace tfvae::cuda {
namespace {

template <class F>
struct KlSide {
  const F *upstream, *prior_mean, *weight, *pull, *spread;
};

template <bool kStandard, bool kAligned, class F>
__device__ __forceinline__ void add_kl(const Problem& p, const KlSide<F>& side, int64_t row, int64_t begin,
                                       const F* mean, const Posterior<F>* posterior, F* d_mean, F* d_log_var) {
  F g[kGroup];
  if (p.per_dimension) {
    load<kAligned>(side.upstream + row * p.width, begin, p.width, g);
  } else {
#pragma unroll
    for (int j = 0; j < kGroup; ++j) g[j] = side.upstream[row];
  }
  if constexpr (kStandard) {
#pragma unroll
    for (int j = 0; j < kGroup; ++j) {
      d_mean[j] = Lane<F>::fma(g[j], mean[j], d_mean[j]);
      d_log_var[j] = Lane<F>::fma(F(0.5f) * g[j], posterior[j].expm1, d_log_var[j]);
    }
  } else {
    F spread[kGroup], pull[kGroup];
    if (side.spread != nullptr) {
      load<kAligned>(side.spread + row * p.width, begin, p.width, spread);
    } else {
      load_table<kAligned>(side.weight, begin, p.latent, p.width, spread);
#pragma unroll
      for (int j = 0; j < kGroup; ++j) spread[j] *= g[j];
    }
    if (side.pull != nullptr) {
      load<kAligned>(side.pull + row * p.width, begin, p.width, pull);
    } else {
      load_table<kAligned>(side.prior_mean, begin, p.latent, p.width, pull);
#pragma unroll
      for (int j = 0; j < kGroup; ++j) pull[j] = spread[j] * (mean[j] - pull[j]);
    }
#pragma unroll
    for (int j = 0; j < kGroup; ++j) {
      d_mean[j] += pull[j];
      const F slope = Lane<F>::fma(spread[j], posterior[j].expm1, spread[j] - g[j]);
      d_log_var[j] = Lane<F>::fma(F(0.5f), slope, d_log_var[j]);
    }
  }
}

template <class T, bool kStandard, bool kAligned>
__global__ void __launch_bounds__(kBlock)
    backward_kernel(Problem p, Upstream upstream, Gradients gradients, KlSide<Wide<T>> side, int team) {
  using F = Wide<T>;
  const Noise noise(p);
  const int lane = static_cast<int>(threadIdx.x) % team;
  const int teams = kBlock / team;
  const int64_t groups = ceil_div(p.width, kGroup), step = int64_t{gridDim.x} * teams;
  for (int64_t row = int64_t{blockIdx.x} * teams + static_cast<int>(threadIdx.x) / team; row < p.batch; row += step) {
    for (int64_t group = lane; group < groups; group += team) {
      const int64_t begin = group * kGroup;
      F mean[kGroup], log_var[kGroup], d_mean[kGroup] = {}, d_log_var[kGroup] = {};
      Posterior<F> posterior[kGroup];
      load<kAligned>(static_cast<const T*>(p.mean) + row * p.width, begin, p.width, mean);
      load<kAligned>(static_cast<const T*>(p.log_var) + row * p.width, begin, p.width, log_var);
      if (upstream.z != nullptr) {
        for (int64_t sample = 0; sample < p.samples; ++sample) {
          F eps[kGroup], d_z[kGroup];
          load<kAligned>(static_cast<const T*>(upstream.z) + (sample * p.batch + row) * p.width, begin, p.width, d_z);
          noise.normals<kAligned>(row * p.width + begin, sample, eps);
#pragma unroll
          for (int j = 0; j < kGroup; ++j) {
            d_mean[j] += d_z[j];
            d_log_var[j] = Lane<F>::fma(eps[j], d_z[j], d_log_var[j]);
          }
        }
      }
      F d_density = 0;
      if (upstream.log_q != nullptr) {
        for (int64_t sample = 0; sample < p.samples; ++sample) {
          d_density += static_cast<const F*>(upstream.log_q)[sample * p.batch + row];
        }
      }
#pragma unroll
      for (int j = 0; j < kGroup; ++j) {
        posterior[j] = tfvae::posterior(log_var[j]);
        // Without an upstream of z, an infinite scale must not turn the gradient into NaN.
        const F drawn = upstream.z != nullptr ? posterior[j].scale * d_log_var[j] : F(0);
        d_log_var[j] = F(0.5f) * (drawn - d_density);
      }
      if (upstream.kl != nullptr) {
        add_kl<kStandard, kAligned>(p, side, row, begin, mean, posterior, d_mean, d_log_var);
      }
      store<kAligned>(static_cast<T*>(gradients.mean) + row * p.width, begin, p.width, d_mean);
      store<kAligned>(static_cast<T*>(gradients.log_var) + row * p.width, begin, p.width, d_log_var);
    }
  }
}

template <class T>
bool all_aligned(const Problem& p, const Upstream& u, const Gradients& g) {
  return inputs_aligned<T>(p) && aligned<T>(u.z) && (!p.per_dimension || aligned<Wide<T>>(u.kl)) &&
         aligned<T>(g.mean) && aligned<T>(g.log_var);
}

}  // namespace

template <class T>
void backward(const Problem& p, const Upstream& upstream, const Gradients& gradients,
              const BackwardWorkspace<Wide<T>>& workspace, Queue* queue) {
  using F = Wide<T>;
  const KlSide<F> side = {static_cast<const F*>(upstream.kl), static_cast<const F*>(p.prior_mean),
                          workspace.tables.weight, workspace.pull, workspace.spread};
  const bool standard = p.prior == Prior::kStandard, vector = all_aligned<T>(p, upstream, gradients);
  const auto kernel = standard ? (vector ? backward_kernel<T, true, true> : backward_kernel<T, true, false>)
                               : (vector ? backward_kernel<T, false, true> : backward_kernel<T, false, false>);
  const int team = team_size(p.width);
  const int64_t blocks = grid_size(p.batch, kBlock / team, queue->most_blocks());
  queue->run("backward", kernel, grid_of(blocks), kBlock, p, upstream, gradients, side, team);
}

#define TFVAE_INSTANTIATE(T)                                             \
  template void backward<T>(const Problem&, const Upstream&, const Gradients&, \
                            const BackwardWorkspace<Wide<T>>&, Queue*)
TFVAE_INSTANTIATE(__half);
TFVAE_INSTANTIATE(__nv_bfloat16);
TFVAE_INSTANTIATE(float);
TFVAE_INSTANTIATE(double);
#undef TFVAE_INSTANTIATE

}  // namespace tfvae::cuda
