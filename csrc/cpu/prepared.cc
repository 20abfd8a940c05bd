#include "cpu/prepared.h"

#include <algorithm>
#include <cmath>

#include "cpu/kernels.h"

namespace tfvae::cpu {
namespace {

std::string at(const char* name, int64_t i) { return std::string(name) + "[" + std::to_string(i) + "]"; }
std::string at(const char* name, int64_t i, int64_t j) {
  return std::string(name) + "[" + std::to_string(i) + ", " + std::to_string(j) + "]";
}

// NaN is accepted, so that a diverged prior gives NaN, as in other implementations.
template <class W>
Status check_scale(const Problem& problem) {
  const W* scale = static_cast<const W*>(problem.prior_scale);
  const int64_t d = problem.latent;
  if (problem.prior == Prior::kDiagonal) {
    for (int64_t i = 0; i < d; ++i) {
      if (scale[i] <= 0) {
        return at("prior_scale", i) + ": got " + std::to_string(scale[i]) + ", expected a positive scale.";
      }
    }
    return {};
  }
  for (int64_t i = 0; i < d; ++i) {
    if (scale[i * d + i] <= 0) {
      return at("prior_scale", i, i) + ": got " + std::to_string(scale[i * d + i]) +
             ", expected a positive diagonal of the Cholesky factor.";
    }
    for (int64_t j = i + 1; j < d; ++j) {
      if (scale[i * d + j] != 0) {
        return at("prior_scale", i, j) + ": got " + std::to_string(scale[i * d + j]) +
               ", expected a lower triangular matrix, zero above the diagonal.";
      }
    }
  }
  return {};
}

// A = L^-1 by forward substitution, L_ii A_i = e_i - sum_k<i L_ik A_k, a block of rows at a time: rows before the block
// enter through one product, rows within it one by one.
template <class W>
std::vector<double> invert(const W* scale, int64_t d, const Kernels& kernels) {
  constexpr int64_t kBlock = 32;
  std::vector<double> inverse(d * d + kPadding, 0.0), left(kBlock * d), product(kBlock * d);
  for (int64_t first = 0; first < d; first += kBlock) {
    const int64_t rows = std::min(kBlock, d - first);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t k = 0; k < first; ++k) left[r * d + k] = scale[(first + r) * d + k];
    }
    kernels.multiply(left.data(), d, rows, first, inverse.data(), d, first, false, product.data(), d);
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t i = first + r;
      double* row = inverse.data() + i * d;
      for (int64_t j = 0; j < first; ++j) row[j] = -product[r * d + j];
      row[i] = 1.0;
      for (int64_t k = first; k < i; ++k) {
        kernels.axpy(-static_cast<double>(scale[i * d + k]), inverse.data() + k * d, row, k + 1);
      }
      const double diagonal = scale[i * d + i];
      for (int64_t j = 0; j <= i; ++j) row[j] /= diagonal;
    }
  }
  return inverse;
}

}  // namespace

template <class W>
W* Prepared<W>::array(int64_t size) {
  arrays_.emplace_back(size + kPadding, W(0));
  return arrays_.back().data();
}

template <class W>
Status Prepared<W>::prepare(const Problem& problem, const Kernels& kernels) {
  if (problem.prior == Prior::kStandard) return {};
  if (Status bad = check_scale<W>(problem); !bad.empty()) return bad;
  view_.mean = static_cast<const W*>(problem.prior_mean);
  if (problem.prior == Prior::kDiagonal) {
    diagonal(problem);
  } else {
    cholesky(problem, kernels);
  }
  return {};
}

template <class W>
void Prepared<W>::diagonal(const Problem& problem) {
  const int64_t d = problem.latent;
  const W* scale = static_cast<const W*>(problem.prior_scale);
  W *inverse = array(d), *weight = array(d), *weight_minus_1 = array(d), *constant = array(d);
  for (int64_t i = 0; i < d; ++i) {
    const double a = 1.0 / scale[i];
    inverse[i] = static_cast<W>(a);
    weight[i] = static_cast<W>(a * a);
    weight_minus_1[i] = static_cast<W>(a * a - 1.0);
    constant[i] = static_cast<W>(0.5 * (a * a - 1.0) + std::log(static_cast<double>(scale[i])));
  }
  view_.inverse = inverse;
  view_.weight = weight;
  view_.weight_minus_1 = weight_minus_1;
  view_.constant = constant;
}

template <class W>
void Prepared<W>::cholesky(const Problem& problem, const Kernels& kernels) {
  const int64_t d = problem.latent, stride = padded(d);
  const W* scale = static_cast<const W*>(problem.prior_scale);
  inverse_factor_ = invert(scale, d, kernels);
  W *factor = array(d * stride), *factor_transposed = array(d * stride);
  W *squares = nullptr, *squares_transposed = nullptr;
  if (problem.per_dimension) {
    squares = array(d * stride);
    squares_transposed = array(d * stride);
  }
  std::vector<double> row_sum(d, 0.0), column_sum(d, 0.0);
  for (int64_t i = 0; i < d; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      const double a = inverse_factor_[i * d + j];
      row_sum[i] += a * a;
      column_sum[j] += a * a;
      factor[i * stride + j] = factor_transposed[j * stride + i] = static_cast<W>(a);
      if (squares != nullptr && j < i) {
        squares[i * stride + j] = squares_transposed[j * stride + i] = static_cast<W>(a * a);
      }
    }
  }
  W *weight = array(d), *weight_minus_1 = array(d), *constant = array(d);
  for (int64_t i = 0; i < d; ++i) {
    const double a = inverse_factor_[i * d + i];
    const double chosen = problem.per_dimension ? a * a : column_sum[i];
    const double sum = problem.per_dimension ? row_sum[i] : column_sum[i];
    weight[i] = static_cast<W>(chosen);
    weight_minus_1[i] = static_cast<W>(chosen - 1.0);
    constant[i] = static_cast<W>(0.5 * (sum - 1.0) + std::log(static_cast<double>(scale[i * d + i])));
  }
  view_.weight = weight;
  view_.weight_minus_1 = weight_minus_1;
  view_.constant = constant;
  view_.factor = factor;
  view_.factor_transposed = factor_transposed;
  view_.squares = squares;
  view_.squares_transposed = squares_transposed;
  view_.stride = stride;
}

template class Prepared<float>;
template class Prepared<double>;

}  // namespace tfvae::cpu
