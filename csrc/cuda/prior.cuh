// Quantities that depend only on the prior, computed once per call into the workspace.
//
// With W = L^-1, the KL of one element i of an example is, in nats,
//   1/2 (weight_i (exp(v_i) - 1 - v_i) + (weight_i - 1) v_i + square_i) + constant_i
//   diagonal               weight = 1 / scale^2,   square = weight (mean - m)^2,
//                          constant = (weight - 1) / 2 + log scale
//   correlated, total      weight = sum_k W_ki^2,  square = (W (mean - m))_i^2,
//                          constant = (weight - 1) / 2 + log L_ii
//   correlated, dimension  weight = W_ii^2,        square = the same + sum_{j<i} W_ij^2 (exp(v_j) - 1),
//                          constant = (sum_j W_ij^2 - 1) / 2 + log L_ii
// A scale that is not positive, or an L that is not lower triangular, makes all of them NaN.
#pragma once

#include "core/latent.h"
#include "cuda/queue.h"

namespace tfvae::cuda {

template <class F>
struct PriorTables {
  F* weight = nullptr;    // [latent]
  F* constant = nullptr;  // [latent]
  F* inverse = nullptr;   // [latent, latent], W transposed: inverse[j, i] = W_ij; correlated only
  int* bad = nullptr;     // [latent], whether row i of L is bad; correlated only
};

// The largest latent dimension of the correlated prior: a column of W must fit in shared memory as doubles.
constexpr int64_t kMostCorrelated = 2048;

template <class F>
void prior_tables(const Problem& problem, const PriorTables<F>& tables, Queue* queue);

}  // namespace tfvae::cuda
