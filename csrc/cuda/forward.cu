// z, kl and log_q in one pass: reads mean and log_var, writes z, kl and log_q. A team of threads computes one sample of
// one example, and the first sample also the KL. Sums run over a thread's groups in order, then the tree of team_sum.
#include "cuda/steps.h"

namespace tfvae::cuda {
namespace {

constexpr double kLogTwoPi = 1.8378770664093453;

template <class F>
struct PriorRow {
  const F *mean, *squares;
  PriorTables<F> tables;
};

// The KL of four elements, in nats.
template <bool kStandard, bool kAligned, class F>
__device__ __forceinline__ void kl_of_group(const Problem& p, const PriorRow<F>& prior, int64_t row, int64_t begin,
                                            const F* mean, const F* log_var, const Posterior<F>* posterior, F* kl) {
  if constexpr (kStandard) {
#pragma unroll
    for (int j = 0; j < kGroup; ++j) kl[j] = kl_of_standard(mean[j], posterior[j].excess);
  } else {
    F weight[kGroup], constant[kGroup], square[kGroup];
    load_table<kAligned>(prior.tables.weight, begin, p.latent, p.width, weight);
    load_table<kAligned>(prior.tables.constant, begin, p.latent, p.width, constant);
    if (prior.squares != nullptr) {
      load<kAligned>(prior.squares + row * p.width, begin, p.width, square);
    } else {
      load_table<kAligned>(prior.mean, begin, p.latent, p.width, square);
#pragma unroll
      for (int j = 0; j < kGroup; ++j) {
        const F difference = mean[j] - square[j];
        square[j] = weight[j] * difference * difference;
      }
    }
#pragma unroll
    for (int j = 0; j < kGroup; ++j) {
      const F terms = Lane<F>::fma(weight[j] - F(1), log_var[j], square[j]);
      kl[j] = Lane<F>::fma(F(0.5f), Lane<F>::fma(weight[j], posterior[j].excess, terms), constant[j]);
    }
  }
}

template <class T, bool kStandard, bool kAligned>
__global__ void __launch_bounds__(kBlock) forward_kernel(Problem p, Outputs o, PriorRow<Wide<T>> prior, int team) {
  using F = Wide<T>;
  const Noise noise(p);
  const int lane = static_cast<int>(threadIdx.x) % team;
  const int teams = kBlock / team;
  const int64_t groups = ceil_div(p.width, kGroup), items = p.batch * p.samples;
  for (int64_t base = int64_t{blockIdx.x} * teams; base < items; base += int64_t{gridDim.x} * teams) {
    const int64_t item = base + static_cast<int>(threadIdx.x) / team;
    // Samples of one example are adjacent, so that only the first reads it from device memory.
    const int64_t row = p.samples == 1 ? item : item / p.samples;
    const int64_t sample = p.samples == 1 ? 0 : item % p.samples;
    const bool first = sample == 0;
    F kl_sum = 0, density_sum = 0;
    for (int64_t group = item < items ? lane : groups; group < groups; group += team) {
      const int64_t begin = group * kGroup;
      F mean[kGroup], log_var[kGroup], eps[kGroup], z[kGroup];
      load<kAligned>(static_cast<const T*>(p.mean) + row * p.width, begin, p.width, mean);
      load<kAligned>(static_cast<const T*>(p.log_var) + row * p.width, begin, p.width, log_var);
      noise.normals<kAligned>(row * p.width + begin, sample, eps);
      Posterior<F> posterior[kGroup];
#pragma unroll
      for (int j = 0; j < kGroup; ++j) {
        posterior[j] = tfvae::posterior(log_var[j]);
        z[j] = Lane<F>::fma(posterior[j].scale, eps[j], mean[j]);
      }
      store<kAligned>(static_cast<T*>(o.z) + (sample * p.batch + row) * p.width, begin, p.width, z);
      if (first) {
        F kl[kGroup];
        kl_of_group<kStandard, kAligned>(p, prior, row, begin, mean, log_var, posterior, kl);
        if (p.per_dimension) {
          store<kAligned>(static_cast<F*>(o.kl) + row * p.width, begin, p.width, kl);
        } else {
#pragma unroll
          for (int j = 0; j < kGroup; ++j) kl_sum += kAligned || begin + j < p.width ? kl[j] : F(0);
        }
      }
      if (o.log_q != nullptr) {
#pragma unroll
        for (int j = 0; j < kGroup; ++j) {
          const F term = Lane<F>::fma(eps[j], eps[j], log_var[j]);
          density_sum += kAligned || begin + j < p.width ? term : F(0);
        }
      }
    }
    if (!p.per_dimension) {
      kl_sum = team_sum(kl_sum, team);
      if (first && lane == 0 && item < items) static_cast<F*>(o.kl)[row] = kl_sum;
    }
    if (o.log_q != nullptr) {
      density_sum = team_sum(density_sum, team);
      const F log_q = F(-0.5) * (density_sum + static_cast<F>(p.width) * static_cast<F>(kLogTwoPi));
      if (lane == 0 && item < items) static_cast<F*>(o.log_q)[sample * p.batch + row] = log_q;
    }
  }
}

template <class T>
bool all_aligned(const Problem& p, const Outputs& o) {
  return inputs_aligned<T>(p) && aligned<T>(o.z) && (!p.per_dimension || aligned<Wide<T>>(o.kl));
}

}  // namespace

template <class T>
void forward(const Problem& p, const Outputs& outputs, const PriorTables<Wide<T>>& tables, const Wide<T>* squares,
             Queue* queue) {
  using F = Wide<T>;
  const PriorRow<F> prior = {static_cast<const F*>(p.prior_mean), squares, tables};
  const bool standard = p.prior == Prior::kStandard, vector = all_aligned<T>(p, outputs);
  const auto kernel = standard ? (vector ? forward_kernel<T, true, true> : forward_kernel<T, true, false>)
                               : (vector ? forward_kernel<T, false, true> : forward_kernel<T, false, false>);
  const int team = team_size(p.width);
  const int64_t blocks = grid_size(p.batch * p.samples, kBlock / team, queue->most_blocks());
  queue->run("forward", kernel, grid_of(blocks), kBlock, p, outputs, prior, team);
}

template void forward<__half>(const Problem&, const Outputs&, const PriorTables<float>&, const float*, Queue*);
template void forward<__nv_bfloat16>(const Problem&, const Outputs&, const PriorTables<float>&, const float*, Queue*);
template void forward<float>(const Problem&, const Outputs&, const PriorTables<float>&, const float*, Queue*);
template void forward<double>(const Problem&, const Outputs&, const PriorTables<double>&, const double*, Queue*);

}  // namespace tfvae::cuda
