#include "cuda/prior.cuh"

#include "cuda/device.cuh"

namespace tfvae::cuda {
namespace {

__device__ double not_a_number() { return __longlong_as_double(0x7FF8000000000000ll); }

template <class F>
__global__ void diagonal_tables(const F* scale, int64_t latent, PriorTables<F> tables) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= latent) return;
  const double s = scale[i];
  const double weight = s > 0 ? 1 / (s * s) : not_a_number();
  tables.weight[i] = static_cast<F>(weight);
  tables.constant[i] = static_cast<F>(0.5 * (weight - 1) + log(s));
}

// Column j of W = L^-1 by forward substitution in double; a block is one warp.
//   W_jj = 1 / L_jj,   W_ij = -(sum_{j<=k<i} L_ik W_kj) / L_ii
template <class F>
__global__ void invert_column(const F* scale, int64_t latent, PriorTables<F> tables) {
  __shared__ double column[kMostCorrelated];
  const int64_t j = blockIdx.x;
  const int lane = threadIdx.x;
  int bad = !(scale[j * latent + j] > 0);
  for (int64_t k = j + 1 + lane; k < latent; k += kWarp) bad |= !(scale[j * latent + k] == 0);
  for (int offset = kWarp / 2; offset > 0; offset /= 2) bad |= __shfl_xor_sync(0xFFFFFFFFu, bad, offset);
  for (int64_t i = lane; i < j; i += kWarp) tables.inverse[j * latent + i] = 0;
  double squares = 0;
  for (int64_t i = j; i < latent; ++i) {
    double sum = 0;
    for (int64_t k = j + lane; k < i; k += kWarp) sum += double{scale[i * latent + k]} * column[k];
    sum = team_sum(sum, kWarp);
    const double value = ((i == j ? 1 : 0) - sum) / double{scale[i * latent + i]};
    squares += value * value;
    if (lane == 0) {
      column[i] = value;
      tables.inverse[j * latent + i] = static_cast<F>(value);
    }
    __syncwarp();
  }
  if (lane != 0) return;
  tables.bad[j] = bad;
  tables.weight[j] = static_cast<F>(squares);
  tables.constant[j] = static_cast<F>(0.5 * (squares - 1) + log(double{scale[j * latent + j]}));
}

// One block per index of the prior: weight and constant (of the chain rule, if per dimension), or NaN if any row of L
// is bad.
template <class F>
__global__ void finish_correlated(const F* scale, int64_t latent, bool per_dimension, PriorTables<F> tables) {
  const int64_t i = blockIdx.x;
  int bad = 0;
  double squares = 0;
  for (int64_t j = threadIdx.x; j < latent; j += kBlock) {
    bad |= tables.bad[j];
    if (per_dimension && j <= i) {
      const double entry = tables.inverse[j * latent + i];
      squares += entry * entry;
    }
  }
  squares = team_sum(squares, kBlock);
  if (__syncthreads_or(bad)) {
    const F poison = static_cast<F>(not_a_number());
    for (int64_t k = threadIdx.x; k < latent; k += kBlock) tables.inverse[i * latent + k] = poison;
    if (threadIdx.x == 0) tables.weight[i] = tables.constant[i] = poison;
  } else if (per_dimension && threadIdx.x == 0) {
    const double own = tables.inverse[i * latent + i];
    tables.weight[i] = static_cast<F>(own * own);
    tables.constant[i] = static_cast<F>(0.5 * (squares - 1) + log(double{scale[i * latent + i]}));
  }
}

}  // namespace

template <class F>
void prior_tables(const Problem& problem, const PriorTables<F>& tables, Queue* queue) {
  const F* scale = static_cast<const F*>(problem.prior_scale);
  const int64_t latent = problem.latent;
  if (problem.prior == Prior::kDiagonal) {
    queue->run("diagonal_tables", diagonal_tables<F>, grid_of(ceil_div(latent, kBlock)), kBlock, scale, latent, tables);
  } else if (problem.prior == Prior::kCholesky) {
    queue->run("invert_column", invert_column<F>, grid_of(latent), kWarp, scale, latent, tables);
    queue->run("finish_correlated", finish_correlated<F>, grid_of(latent), kBlock, scale, latent,
               problem.per_dimension, tables);
  }
}

template void prior_tables<float>(const Problem&, const PriorTables<float>&, Queue*);
template void prior_tables<double>(const Problem&, const PriorTables<double>&, Queue*);

}  // namespace tfvae::cuda
