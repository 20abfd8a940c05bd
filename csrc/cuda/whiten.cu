// The correlated prior's products with W = L^-1, on rows of `latent` elements.
#include "cuda/product.cuh"
#include "cuda/steps.h"

namespace tfvae::cuda {
namespace {

template <class T>
struct CentredMean {  // (row, k): mean - m
  static constexpr bool kAlongTerms = true;
  const T* mean;
  const Wide<T>* prior_mean;
  int64_t latent;
  __device__ Wide<T> operator()(int64_t row, int64_t k) const { return widen(mean[row * latent + k]) - prior_mean[k]; }
};

template <class T>
struct Expm1 {  // (row, k): exp(log_var) - 1
  static constexpr bool kAlongTerms = true;
  const T* log_var;
  int64_t latent;
  __device__ Wide<T> operator()(int64_t row, int64_t k) const {
    return posterior(widen(log_var[row * latent + k])).expm1;
  }
};

template <class F>
struct Weighted {  // (row, k): g y
  static constexpr bool kAlongTerms = true;
  const F* whitened;
  KlUpstream<F> g;
  __device__ F operator()(int64_t row, int64_t k) const { return g(row, k) * whitened[row * g.latent + k]; }
};

template <class F>
struct Given {  // (row, k): g
  static constexpr bool kAlongTerms = true;
  KlUpstream<F> g;
  __device__ F operator()(int64_t row, int64_t k) const { return g(row, k); }
};

template <class F>
struct StrictSquares {  // (n, k): W_nk^2 for k < n
  static constexpr bool kAlongTerms = false;
  const F* inverse;
  int64_t latent;
  __device__ F operator()(int64_t n, int64_t k) const {
    const F entry = inverse[k * latent + n];
    return k < n ? entry * entry : F(0);
  }
};

template <class F>
struct TransposedSquares {  // (n, k): W_kn^2
  static constexpr bool kAlongTerms = true;
  const F* inverse;
  int64_t latent;
  __device__ F operator()(int64_t n, int64_t k) const {
    const F entry = inverse[n * latent + k];
    return entry * entry;
  }
};

template <class F>
struct StoreSquare {
  F* data;
  int64_t stride;
  __device__ void operator()(int64_t, int64_t m, int64_t n, F value) const { data[m * stride + n] = value * value; }
};

template <class F>
struct Add {
  F* data;
  int64_t stride;
  __device__ void operator()(int64_t, int64_t m, int64_t n, F value) const { data[m * stride + n] += value; }
};

}  // namespace

template <class T>
void whiten_forward(const Problem& p, const PriorTables<Wide<T>>& tables, Wide<T>* squares, Queue* queue) {
  using F = Wide<T>;
  const Extents extents = {rows_of(p), p.latent, p.latent};
  const CentredMean<T> centred = {static_cast<const T*>(p.mean), static_cast<const F*>(p.prior_mean), p.latent};
  product<F, Terms::kUpToColumn>("whiten", extents, centred, ByRows<F>{tables.inverse, p.latent},
                                 StoreSquare<F>{squares, p.latent}, queue);
  if (!p.per_dimension) return;
  const Expm1<T> expm1 = {static_cast<const T*>(p.log_var), p.latent};
  product<F, Terms::kUpToColumn>("spread", extents, expm1, StrictSquares<F>{tables.inverse, p.latent},
                                 Add<F>{squares, p.latent}, queue);
}

template <class T>
void whiten_backward(const Problem& p, const Upstream& upstream, const BackwardWorkspace<Wide<T>>& workspace,
                     Queue* queue) {
  using F = Wide<T>;
  const int64_t rows = rows_of(p);
  const Extents extents = {rows, p.latent, p.latent};
  const F* inverse = workspace.tables.inverse;
  const KlUpstream<F> g = kl_upstream<F>(p, upstream);
  const CentredMean<T> centred = {static_cast<const T*>(p.mean), static_cast<const F*>(p.prior_mean), p.latent};
  product<F, Terms::kUpToColumn>("whiten", extents, centred, ByRows<F>{inverse, p.latent},
                                 Store<F>{workspace.whitened, rows, p.latent}, queue);
  product<F, Terms::kFromColumn>("pull", extents, Weighted<F>{workspace.whitened, g}, ByTerms<F>{inverse, p.latent},
                                 Store<F>{workspace.pull, rows, p.latent}, queue);
  if (!p.per_dimension) return;
  product<F, Terms::kFromColumn>("spread", extents, Given<F>{g}, TransposedSquares<F>{inverse, p.latent},
                                 Store<F>{workspace.spread, rows, p.latent}, queue);
}

#define TFVAE_INSTANTIATE(T)                                                                               \
  template void whiten_forward<T>(const Problem&, const PriorTables<Wide<T>>&, Wide<T>*, Queue*);          \
  template void whiten_backward<T>(const Problem&, const Upstream&, const BackwardWorkspace<Wide<T>>&, Queue*)
TFVAE_INSTANTIATE(__half);
TFVAE_INSTANTIATE(__nv_bfloat16);
TFVAE_INSTANTIATE(float);
TFVAE_INSTANTIATE(double);
#undef TFVAE_INSTANTIATE

}  // namespace tfvae::cuda
