#include "cpu/prior_gradients.h"

#include <algorithm>

namespace tfvae::cpu {

template <class W>
PriorGradients<W>::PriorGradients(const Problem& problem, int64_t units)
    : cholesky_(problem.prior == Prior::kCholesky),
      per_dimension_(problem.per_dimension),
      latent_(problem.latent),
      stride_(padded(problem.latent)) {
  const int64_t matrix = latent_ * stride_;
  spread_ = stride_ + (cholesky_ ? matrix : stride_);
  weights_ = spread_ + (cholesky_ ? (per_dimension_ ? matrix : stride_) : 0);
  size_ = weights_ + (cholesky_ ? stride_ : 0);
  // Enough parts to keep the threads busy, but at most a few megabytes of sums.
  constexpr int64_t kMostParts = 32, kMostNumbers = int64_t{1} << 19;
  const int64_t most = std::clamp<int64_t>(kMostNumbers / std::max<int64_t>(size_, 1), 2, kMostParts);
  units_of_part_ = std::max<int64_t>(1, (units + most - 1) / most);
  parts_ = (units + units_of_part_ - 1) / units_of_part_;
  sums_.assign(parts_ * size_ + kPadding, W(0));
}

template <class W>
PriorSums<W> PriorGradients<W>::of_part(int64_t part) {
  PriorSums<W> sums;
  sums.mean = sums_.data() + part * size_;
  sums.scale = sums.mean + stride_;
  sums.stride = stride_;
  if (cholesky_) {
    sums.spread = sums.mean + spread_;
    sums.weights = sums.mean + weights_;
  }
  return sums;
}

template <class W>
std::vector<double> PriorGradients<W>::add_parts() const {
  std::vector<double> total(size_, 0.0);
  for (int64_t part = 0; part < parts_; ++part) {
    const W* from = sums_.data() + part * size_;
    for (int64_t i = 0; i < size_; ++i) total[i] += static_cast<double>(from[i]);
  }
  return total;
}

// Adds -tril(A^T M A^T) + diag(sum g / L_ii), M_ij = spread_ij A_ij, which follows from dA = -A dL A.
template <class W>
void PriorGradients<W>::through_inverse(const std::vector<double>& inverse, const Kernels& kernels,
                                        const ParallelFor& parallel, std::vector<double>* total) const {
  const int64_t d = latent_;
  double* scale = total->data() + stride_;
  const double *spread = total->data() + spread_, *weights = total->data() + weights_;
  std::vector<double> transposed(d * stride_ + kPadding, 0.0), middle(d * stride_ + kPadding, 0.0);
  for (int64_t i = 0; i < d; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      transposed[j * stride_ + i] = inverse[i * d + j];
      middle[i * stride_ + j] = inverse[i * d + j] * (per_dimension_ ? spread[i * stride_ + j] : spread[j]);
    }
  }
  // Eight rows of a product are one unit.
  constexpr int64_t kRows = 8;
  parallel((d + kRows - 1) / kRows, kRows * d * d / 4, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * kRows, rows = std::min(end * kRows, d) - first;
    std::vector<double> left(rows * d), product(rows * d);
    kernels.multiply(transposed.data() + first * stride_, stride_, rows, d, middle.data(), stride_, d, false,
                     left.data(), d);
    kernels.multiply(left.data(), d, rows, d, transposed.data(), stride_, d, true, product.data(), d);
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t i = first + r;
      for (int64_t j = 0; j <= i; ++j) scale[i * stride_ + j] -= product[r * d + j];
      scale[i * stride_ + i] += weights[i] * inverse[i * d + i];
    }
  });
}

template <class W>
void PriorGradients<W>::finish(const std::vector<double>& inverse, const Kernels& kernels, const ParallelFor& parallel,
                               W* d_mean, W* d_scale) {
  std::vector<double> total = add_parts();
  if (cholesky_) through_inverse(inverse, kernels, parallel, &total);
  const double* scale = total.data() + stride_;
  for (int64_t i = 0; i < latent_; ++i) {
    d_mean[i] = static_cast<W>(total[i]);
    if (!cholesky_) d_scale[i] = static_cast<W>(scale[i]);
    for (int64_t j = 0; cholesky_ && j < latent_; ++j) {
      d_scale[i * latent_ + j] = j <= i ? static_cast<W>(scale[i * stride_ + j]) : W(0);
    }
  }
}

template class PriorGradients<float>;
template class PriorGradients<double>;

}  // namespace tfvae::cpu
