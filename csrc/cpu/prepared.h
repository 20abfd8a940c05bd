// Quantities that depend only on the prior, computed once per call in double and stored as W.
#pragma once

#include <vector>

#include "core/latent.h"

namespace tfvae::cpu {

struct Kernels;

// Pointers into Prepared for the kernels. Arrays have `latent` elements; rows of matrices are zero-padded to `stride`.
// With A = L^-1 (or diag(1 / scale)) and y = A (mean - m), the KL of element i is
//   1/2 (weight_i excess_i + (weight_i - 1) log_var_i + y_i^2) + constant_i
// where weight is the sum of A's squares over the column, for the KL of an example. For the KL per dimension of the
// correlated prior, weight is only the square of the diagonal, and 1/2 sum_j<i A_ij^2 expm1_j is added.
template <class W>
struct PriorView {
  const W* mean = nullptr;
  const W* inverse = nullptr;  // diagonal prior: 1 / scale
  const W* weight = nullptr;
  const W* weight_minus_1 = nullptr;
  const W* constant = nullptr;
  const W* factor = nullptr;             // A, lower triangular
  const W* factor_transposed = nullptr;  // upper triangular
  const W* squares = nullptr;            // A_ij^2 below the diagonal, only for the KL per dimension
  const W* squares_transposed = nullptr;
  int64_t stride = 0;
};

template <class W>
class Prepared {
 public:
  // Reads and checks the prior of `problem`.
  Status prepare(const Problem& problem, const Kernels& kernels);

  const PriorView<W>& view() const { return view_; }
  // A in double, [latent, latent], and kPadding extra numbers.
  const std::vector<double>& inverse_factor() const { return inverse_factor_; }

 private:
  W* array(int64_t size);
  void diagonal(const Problem& problem);
  void cholesky(const Problem& problem, const Kernels& kernels);

  PriorView<W> view_;
  std::vector<double> inverse_factor_;
  std::vector<std::vector<W>> arrays_;
};

// Rows of a matrix are padded to a multiple of this, so that kernels read whole vectors.
constexpr int64_t kPadding = 64;
constexpr int64_t padded(int64_t size) { return (size + kPadding - 1) / kPadding * kPadding; }

}  // namespace tfvae::cpu
