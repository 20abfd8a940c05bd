#include "cpu/prior_gradients.h"

#include <algorithm>

namespace tfvae::cpu {

PriorGradients::PriorGradients(const Problem& problem, int64_t units)
    : cholesky_(problem.prior == Prior::kCholesky), per_dimension_(problem.per_dimension), latent_(problem.latent) {
  scale_size_ = cholesky_ ? latent_ * latent_ : latent_;
  spread_size_ = !cholesky_ ? 0 : per_dimension_ ? latent_ * latent_ : latent_;
  size_ = latent_ + scale_size_ + spread_size_ + (cholesky_ ? latent_ : 0);
  // As many parts as keep threads busy, and no more than a few megabytes of sums.
  constexpr int64_t kMostParts = 64, kMostNumbers = int64_t{1} << 22;
  const int64_t most = std::clamp<int64_t>(kMostNumbers / std::max<int64_t>(size_, 1), 2, kMostParts);
  units_of_part_ = std::max<int64_t>(1, (units + most - 1) / most);
  parts_ = (units + units_of_part_ - 1) / units_of_part_;
  sums_.assign(std::max<int64_t>(parts_, 1) * size_, 0.0);
}

PriorSums PriorGradients::of_part(int64_t part) {
  double* begin = sums_.data() + part * size_;
  PriorSums sums;
  sums.mean = begin;
  sums.scale = sums.mean + latent_;
  if (cholesky_) {
    sums.spread = sums.scale + scale_size_;
    sums.weights = sums.spread + spread_size_;
  }
  return sums;
}

void PriorGradients::add_parts() {
  for (int64_t part = 1; part < parts_; ++part) {
    const double* from = sums_.data() + part * size_;
    for (int64_t i = 0; i < size_; ++i) sums_[i] += from[i];
  }
}

// Adds -tril(A^T M A^T) + diag(sum g / L_ii), M_ij = spread_ij A_ij: what comes of dA = -A dL A.
void PriorGradients::through_inverse(const std::vector<double>& inverse, const Kernels& kernels,
                                     const ParallelFor& parallel) {
  const int64_t d = latent_;
  const PriorSums sums = of_part(0);
  std::vector<double> product(d * d, 0.0), transposed(d * d, 0.0);  // A^T M; A^T
  for (int64_t i = 0; i < d; ++i) {
    for (int64_t j = 0; j <= i; ++j) transposed[j * d + i] = inverse[i * d + j];
  }
  parallel(d, d * d, [&](int64_t begin, int64_t end) {
    std::vector<double> row(d);
    for (int64_t k = 0; k < d; ++k) {
      for (int64_t j = 0; j <= k; ++j) {
        row[j] = inverse[k * d + j] * (per_dimension_ ? sums.spread[k * d + j] : sums.spread[j]);
      }
      for (int64_t i = begin; i < std::min(end, k + 1); ++i) {
        kernels.axpy(inverse[k * d + i], row.data(), product.data() + i * d, k + 1);
      }
    }
  });
  parallel(d, d * d, [&](int64_t begin, int64_t end) {
    std::vector<double> row(d);
    for (int64_t i = begin; i < end; ++i) {
      std::fill(row.begin(), row.end(), 0.0);
      // Row k of A^T begins at k, and only the lower triangle of the product is wanted.
      for (int64_t k = 0; k <= i; ++k) {
        kernels.axpy(product[i * d + k], transposed.data() + k * d + k, row.data() + k, i + 1 - k);
      }
      for (int64_t j = 0; j <= i; ++j) sums.scale[i * d + j] -= row[j];
      sums.scale[i * d + i] += sums.weights[i] * inverse[i * d + i];
    }
  });
}

template <class W>
void PriorGradients::finish(const std::vector<double>& inverse, const Kernels& kernels, const ParallelFor& parallel,
                            W* d_mean, W* d_scale) {
  add_parts();
  if (cholesky_) through_inverse(inverse, kernels, parallel);
  const PriorSums sums = of_part(0);
  std::transform(sums.mean, sums.mean + latent_, d_mean, [](double x) { return static_cast<W>(x); });
  std::transform(sums.scale, sums.scale + scale_size_, d_scale, [](double x) { return static_cast<W>(x); });
}

template void PriorGradients::finish<float>(const std::vector<double>&, const Kernels&, const ParallelFor&, float*,
                                            float*);
template void PriorGradients::finish<double>(const std::vector<double>&, const Kernels&, const ParallelFor&, double*,
                                             double*);

}  // namespace tfvae::cpu
