// Gradients of a trained prior: sums over the whole batch, in two stages and a fixed order.
//   d_m = -sum pull                                        pull = weight g (mean - m) for the diagonal prior
//   diagonal    d_scale = -sum g (weight exp(v) + weight (mean - m)^2 - 1) / scale
//   correlated  d_L = -tril(sum u y^T) - tril(W^T (A o W) W^T) + diag(sum g_i / L_ii),
//               A_ij = sum g_i exp(v_j), and y = W (mean - m), u = W^T (g y)
#include "cuda/product.cuh"
#include "cuda/steps.h"

namespace tfvae::cuda {
namespace {

constexpr int kColumns = 32, kSlices = kBlock / kColumns;

// Each of these gives three terms for a row and column, to be summed over all rows.
template <class T>
struct DiagonalTerms {  // d_m, d_scale, nothing
  const T *mean, *log_var;
  const Wide<T> *prior_mean, *scale, *weight;
  KlUpstream<Wide<T>> upstream;
  __device__ void operator()(int64_t row, int64_t column, Wide<T>* terms) const {
    using F = Wide<T>;
    const F g = upstream(row, column), w = weight[column];
    const F difference = widen(mean[row * upstream.latent + column]) - prior_mean[column];
    const F expm1 = posterior(widen(log_var[row * upstream.latent + column])).expm1;
    terms[0] = -(g * w * difference);
    terms[1] = -(g / scale[column]) * (w * expm1 + (w - F(1)) + w * difference * difference);
    terms[2] = 0;
  }
};

template <class T>
struct CorrelatedTerms {  // d_m, sum g exp(v), sum g
  const T* log_var;
  const Wide<T>* pull;
  KlUpstream<Wide<T>> upstream;
  __device__ void operator()(int64_t row, int64_t column, Wide<T>* terms) const {
    using F = Wide<T>;
    const F g = upstream(row, column);
    terms[0] = -pull[row * upstream.latent + column];
    terms[1] = g * (posterior(widen(log_var[row * upstream.latent + column])).expm1 + F(1));
    terms[2] = g;
  }
};

// sums[part, q, column] over the rows of a part: each slice of the block sums every eighth row, then the slices are
// added in order.
template <class F, class Terms>
__global__ void __launch_bounds__(kBlock)
    column_sums(Terms source, int64_t rows, int64_t columns, int64_t length, F* sums) {
  __shared__ F slices[3][kSlices][kColumns];
  const int x = static_cast<int>(threadIdx.x) % kColumns, slice = static_cast<int>(threadIdx.x) / kColumns;
  const int64_t column = int64_t{blockIdx.x} * kColumns + x, begin = int64_t{blockIdx.y} * length;
  const int64_t end = begin + length < rows ? begin + length : rows;
  F total[3] = {}, terms[3];
  for (int64_t row = begin + slice; row < end && column < columns; row += kSlices) {
    source(row, column, terms);
    for (int q = 0; q < 3; ++q) total[q] += terms[q];
  }
  for (int q = 0; q < 3; ++q) slices[q][slice][x] = total[q];
  __syncthreads();
  if (slice >= 3 || column >= columns) return;
  F sum = 0;
  for (int s = 0; s < kSlices; ++s) sum += slices[slice][s][x];
  sums[(int64_t{blockIdx.y} * 3 + slice) * columns + column] = sum;
}

// out[i] = sum over parts of parts[part, i], in order; `out` may be the first part.
template <class F>
__global__ void fold(const F* parts, int64_t count, int64_t stride, int64_t size, F* out) {
  const int64_t i = int64_t{blockIdx.x} * kBlock + threadIdx.x;
  if (i >= size) return;
  F sum = 0;
  for (int64_t part = 0; part < count; ++part) sum += parts[part * stride + i];
  out[i] = sum;
}

template <class F>
void run_fold(const F* parts, int64_t count, int64_t stride, int64_t size, F* out, Queue* queue) {
  queue->run("fold", fold<F>, grid_of(ceil_div(size, kBlock)), kBlock, parts, count, stride, size, out);
}

template <class T>
struct ExpOfRows {  // (n, row): exp(log_var)
  static constexpr bool kAlongTerms = false;
  const T* log_var;
  int64_t latent;
  __device__ Wide<T> operator()(int64_t n, int64_t row) const {
    return posterior(widen(log_var[row * latent + n])).expm1 + Wide<T>(1);
  }
};

template <class F>
struct SpreadFactor {  // (i, j): A_ij W_ij, where A_ij is a_j for the KL of an example
  static constexpr bool kAlongTerms = false;
  const F *spread, *inverse;
  int64_t latent;
  bool per_dimension;
  __device__ F operator()(int64_t i, int64_t j) const {
    return (per_dimension ? spread[i * latent + j] : spread[j]) * inverse[j * latent + i];
  }
};

template <class F>
__global__ void scale_gradient(const F* scale, const F* outer, const F* spread, const F* weights, int64_t latent,
                               F* out) {
  const int64_t index = int64_t{blockIdx.x} * kBlock + threadIdx.x;
  if (index >= latent * latent) return;
  const int64_t i = index / latent, j = index % latent;
  const F own = i == j ? weights[i] / scale[index] : F(0);
  out[index] = j <= i ? own - outer[index] - spread[index] : F(0);
}

template <class T>
void correlated_scale(const Problem& p, const Upstream& upstream, const BackwardWorkspace<Wide<T>>& workspace,
                      Wide<T>* out, Queue* queue) {
  using F = Wide<T>;
  const int64_t rows = rows_of(p), latent = p.latent, square = latent * latent;
  const Parts parts = product_parts(rows, latent);
  const Extents over_rows = {latent, latent, rows, parts}, within = {latent, latent, latent};
  const F* inverse = workspace.tables.inverse;
  product<F, Terms::kAll>("outer", over_rows, ByRows<F>{workspace.pull, latent}, ByRows<F>{workspace.whitened, latent},
                          Store<F>{workspace.outer, latent, latent}, queue);
  run_fold(workspace.outer, parts.count, square, square, workspace.outer, queue);
  const F* spread = workspace.totals + latent;
  if (p.per_dimension) {
    const F* g = static_cast<const F*>(upstream.kl);
    product<F, Terms::kAll>("outer_spread", over_rows, ByRows<F>{g, latent},
                            ExpOfRows<T>{static_cast<const T*>(p.log_var), latent},
                            Store<F>{workspace.outer_spread, latent, latent}, queue);
    run_fold(workspace.outer_spread, parts.count, square, square, workspace.outer_spread, queue);
    spread = workspace.outer_spread;
  }
  // (A o W) W^T, then W^T times that.
  product<F, Terms::kUpToColumn>("half_product", within, SpreadFactor<F>{spread, inverse, latent, p.per_dimension},
                                 ByRows<F>{inverse, latent}, Store<F>{workspace.half_product, latent, latent}, queue);
  product<F, Terms::kAll>("spread_product", within, ByTerms<F>{inverse, latent},
                          ByRows<F>{workspace.half_product, latent},
                          Store<F>{workspace.spread_product, latent, latent}, queue);
  queue->run("scale_gradient", scale_gradient<F>, grid_of(ceil_div(square, kBlock)), kBlock,
             static_cast<const F*>(p.prior_scale), workspace.outer, workspace.spread_product,
             workspace.totals + 2 * latent, latent, out);
}

}  // namespace

template <class T>
void prior_gradient(const Problem& p, const Upstream& upstream, const Gradients& gradients,
                    const BackwardWorkspace<Wide<T>>& workspace, Queue* queue) {
  using F = Wide<T>;
  const int64_t rows = rows_of(p), latent = p.latent;
  const bool correlated = p.prior == Prior::kCholesky;
  const KlUpstream<F> g = kl_upstream<F>(p, upstream);
  const T *mean = static_cast<const T*>(p.mean), *log_var = static_cast<const T*>(p.log_var);
  const Parts parts = column_parts(rows);
  const dim3 grid = grid_of(ceil_div(latent, kColumns), parts.count);
  if (correlated) {
    const CorrelatedTerms<T> terms = {log_var, workspace.pull, g};
    queue->run("column_sums", column_sums<F, CorrelatedTerms<T>>, grid, kBlock, terms, rows, latent, parts.length,
               workspace.column_sums);
  } else {
    const DiagonalTerms<T> terms = {mean, log_var, static_cast<const F*>(p.prior_mean),
                                    static_cast<const F*>(p.prior_scale), workspace.tables.weight, g};
    queue->run("column_sums", column_sums<F, DiagonalTerms<T>>, grid, kBlock, terms, rows, latent, parts.length,
               workspace.column_sums);
  }
  F *d_mean = static_cast<F*>(gradients.prior_mean), *d_scale = static_cast<F*>(gradients.prior_scale);
  run_fold(workspace.column_sums, parts.count, 3 * latent, 3 * latent, workspace.totals, queue);
  if (d_mean != nullptr) run_fold(workspace.totals, 1, 0, latent, d_mean, queue);
  if (d_scale == nullptr) return;
  if (correlated) {
    correlated_scale<T>(p, upstream, workspace, d_scale, queue);
  } else {
    run_fold(workspace.totals + latent, 1, 0, latent, d_scale, queue);
  }
}

#define TFVAE_INSTANTIATE(T)                                                         \
  template void prior_gradient<T>(const Problem&, const Upstream&, const Gradients&, \
                                  const BackwardWorkspace<Wide<T>>&, Queue*)
TFVAE_INSTANTIATE(__half);
TFVAE_INSTANTIATE(__nv_bfloat16);
TFVAE_INSTANTIATE(float);
TFVAE_INSTANTIATE(double);
#undef TFVAE_INSTANTIATE

}  // namespace tfvae::cuda
