// Products with a triangular matrix, many rows at once, each row by the same operations in the same order however many
// come with it.
#pragma once

#include "cpu/loops.h"

namespace tfvae {
inline namespace TFVAE_ABI {

enum class Triangle { kLower, kUpper };  // b_kn is zero for n > k, or for n < k

// `kRows` rows and `kVectors` vectors of columns stay in registers while k runs.
template <class W, int kRows, int kVectors>
TFVAE_HD void multiply_block(const W* a, int64_t a_stride, const W* b, int64_t b_stride, int64_t begin, int64_t end,
                             W* c, int64_t c_stride, int64_t columns) {
  using V = Vector<W>;
  V total[kRows][kVectors] = {};
  for (int64_t k = begin; k < end; ++k) {
    V row[kVectors];
    for (int v = 0; v < kVectors; ++v) row[v] = load<V>(b + k * b_stride + v * kLanes<W>);
    for (int r = 0; r < kRows; ++r) {
      const V factor = Lane<V>::splat(a[r * a_stride + k]);
      for (int v = 0; v < kVectors; ++v) total[r][v] = Lane<V>::fma(factor, row[v], total[r][v]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      const int64_t n = v * kLanes<W>;
      W* to = c + r * c_stride + n;
      if (n + kLanes<W> <= columns) {
        store(to, total[r][v]);
      } else if (n < columns) {
        First<W>{columns - n}.store(to, total[r][v]);
      }
    }
  }
}

// c = a b: a and c [rows, d], dense; b [d, stride], triangular. Columns beyond d are read, up to kPadding past the
// end of b, and dropped.
template <class W>
void multiply(const W* a, int64_t rows, int64_t d, const W* b, int64_t stride, Triangle triangle, W* c) {
  constexpr int kRows = kVectorBytes == 64 ? 8 : 4, kVectors = kVectorBytes == 64 ? 3 : 2;
  constexpr int64_t kColumns = kVectors * kLanes<W>;
  for (int64_t n = 0; n < d; n += kColumns) {
    const int64_t begin = triangle == Triangle::kLower ? n : 0;
    const int64_t end = triangle == Triangle::kLower ? d : (n + kColumns < d ? n + kColumns : d);
    int64_t r = 0;
    for (; r + kRows <= rows; r += kRows) {
      multiply_block<W, kRows, kVectors>(a + r * d, d, b + n, stride, begin, end, c + r * d + n, d, d - n);
    }
    for (; r < rows; ++r) {
      multiply_block<W, 1, kVectors>(a + r * d, d, b + n, stride, begin, end, c + r * d + n, d, d - n);
    }
  }
}

// sums_ij += sign sum_r a_ri b_rj, i < d and j <= i: products of float32 in runs of at most kRun rows, runs in double.
template <class W>
void add_outer_products(const W* a, const W* b, int64_t rows, int64_t d, W sign, double* sums) {
  using V = Vector<W>;
  constexpr int64_t kRun = 64;
  constexpr int kBlock = 4;
  for (int64_t first = 0; first < rows; first += kRun) {
    const int64_t last = first + kRun < rows ? first + kRun : rows;
    for (int64_t i = 0; i < d; i += kBlock) {
      const int64_t height = i + kBlock < d ? kBlock : d - i;
      for (int64_t j = 0; j < i + height; j += kLanes<W>) {
        const int64_t width = j + kLanes<W> < d ? kLanes<W> : d - j;
        V total[kBlock] = {};
        for (int64_t r = first; r < last; ++r) {
          const V right = width == kLanes<W> ? load<V>(b + r * d + j) : First<W>{width}.load(b + r * d + j);
          for (int64_t h = 0; h < height; ++h) {
            total[h] = Lane<V>::fma(Lane<V>::splat(a[r * d + i + h]), right, total[h]);
          }
        }
        for (int64_t h = 0; h < height; ++h) {
          const int64_t stop = i + h - j + 1 < width ? i + h - j + 1 : width;
          for (int64_t l = 0; l < stop; ++l) {
            sums[(i + h) * d + j + l] += static_cast<double>(sign * total[h][l]);
          }
        }
      }
    }
  }
}

// sums_j += sign sum_r a_rj, likewise.
template <class W>
void add_columns(const W* a, int64_t rows, int64_t d, W sign, double* sums) {
  for (int64_t j = 0; j < d; ++j) {
    double total = 0;
    for (int64_t r = 0; r < rows; ++r) total += static_cast<double>(a[r * d + j]);
    sums[j] += sign * total;
  }
}

}  // namespace TFVAE_ABI
}  // namespace tfvae
