// The layout of the workspace of a call. The same code counts the bytes and assigns them.
#pragma once

#include <cstddef>

#include "cuda/geometry.h"
#include "cuda/launch.h"
#include "cuda/prior.cuh"

namespace tfvae::cuda {

class Arena {
 public:
  // A null base only counts.
  explicit Arena(void* base) : base_(static_cast<char*>(base)) {}

  template <class F>
  F* take(int64_t count) {
    F* taken = base_ == nullptr ? nullptr : reinterpret_cast<F*>(base_ + used_);
    used_ += (static_cast<size_t>(count) * sizeof(F) + 255) / 256 * 256;
    return taken;
  }

  size_t used() const { return used_; }

 private:
  char* base_;
  size_t used_ = 0;
};

// Rows of `latent` elements: an example has one, or many with a spatial latent.
inline int64_t positions_of(const Problem& p) { return p.latent > 0 ? p.width / p.latent : 0; }
inline int64_t rows_of(const Problem& p) { return p.batch * positions_of(p); }

template <class F>
PriorTables<F> take_tables(const Problem& p, Arena* arena) {
  PriorTables<F> tables;
  if (p.prior == Prior::kStandard) return tables;
  tables.weight = arena->take<F>(p.latent);
  tables.constant = arena->take<F>(p.latent);
  if (p.prior == Prior::kCholesky) {
    tables.inverse = arena->take<F>(p.latent * p.latent);
    tables.bad = arena->take<int>(p.latent);
  }
  return tables;
}

template <class F>
struct ForwardWorkspace {
  PriorTables<F> tables;
  F* squares = nullptr;  // [rows, latent]: (W (mean - m))^2; per dimension it lies in the kl itself

  ForwardWorkspace(const Problem& p, Arena* arena) : tables(take_tables<F>(p, arena)) {
    if (p.prior == Prior::kCholesky && !p.per_dimension) squares = arena->take<F>(rows_of(p) * p.latent);
  }
};

// Intermediate values of backward for the correlated prior, and the sums for the gradients of any prior.
template <class F>
struct BackwardWorkspace {
  PriorTables<F> tables;
  F* whitened = nullptr;        // y = W (mean - m), [rows, latent]
  F* pull = nullptr;            // u = W^T (g y), [rows, latent]
  F* spread = nullptr;          // sum_i g_i W_ij^2, [rows, latent]; per dimension only
  F* column_sums = nullptr;     // [parts, 3, latent]
  F* totals = nullptr;          // [3, latent]
  F* outer = nullptr;           // sum u y^T, [parts, latent, latent]
  F* outer_spread = nullptr;    // sum g exp(log_var)^T, likewise; per dimension only
  F* half_product = nullptr;    // [latent, latent]
  F* spread_product = nullptr;  // [latent, latent]

  BackwardWorkspace(const Problem& p, const Gradients& gradients, Arena* arena) : tables(take_tables<F>(p, arena)) {
    if (p.prior == Prior::kStandard) return;
    const int64_t rows = rows_of(p), square = p.latent * p.latent;
    const bool correlated = p.prior == Prior::kCholesky;
    if (correlated) {
      whitened = arena->take<F>(rows * p.latent);
      pull = arena->take<F>(rows * p.latent);
      if (p.per_dimension) spread = arena->take<F>(rows * p.latent);
    }
    if (gradients.prior_mean == nullptr && gradients.prior_scale == nullptr) return;
    column_sums = arena->take<F>(column_parts(rows).count * 3 * p.latent);
    totals = arena->take<F>(3 * p.latent);
    if (!correlated || gradients.prior_scale == nullptr) return;
    const int64_t parts = product_parts(rows, p.latent).count;
    outer = arena->take<F>(parts * square);
    if (p.per_dimension) outer_spread = arena->take<F>(parts * square);
    half_product = arena->take<F>(square);
    spread_product = arena->take<F>(square);
  }
};

}  // namespace tfvae::cuda
