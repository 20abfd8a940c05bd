// Products with a triangular matrix, many rows at once; the operations of a row and their order do not depend on the
// number of rows.
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

// c = a b: a [rows, depth], b [depth, columns] triangular, c [rows, columns]; each with its stride. Up to kPadding
// elements past the end of b are read and discarded.
template <class W>
void multiply(const W* a, int64_t a_stride, int64_t rows, int64_t depth, const W* b, int64_t b_stride, int64_t columns,
              Triangle triangle, W* c, int64_t c_stride) {
  constexpr int kRows = kVectorBytes == 64 ? 8 : 4, kVectors = kVectorBytes == 64 ? 3 : 2;
  constexpr int64_t kColumns = kVectors * kLanes<W>;
  for (int64_t n = 0; n < columns; n += kColumns) {
    const int64_t begin = triangle == Triangle::kLower ? n : 0;
    const int64_t end = triangle == Triangle::kUpper && n + kColumns < depth ? n + kColumns : depth;
    int64_t r = 0;
    for (; r + kRows <= rows; r += kRows) {
      multiply_block<W, kRows, kVectors>(a + r * a_stride, a_stride, b + n, b_stride, begin, end, c + r * c_stride + n,
                                         c_stride, columns - n);
    }
    for (; r < rows; ++r) {
      multiply_block<W, 1, kVectors>(a + r * a_stride, a_stride, b + n, b_stride, begin, end, c + r * c_stride + n,
                                     c_stride, columns - n);
    }
  }
}

// The same for dense rows of d numbers and a matrix of the prior.
template <class W>
void multiply(const W* a, int64_t rows, int64_t d, const W* b, int64_t stride, Triangle triangle, W* c) {
  multiply(a, d, rows, d, b, stride, d, triangle, c, d);
}

// sums_ij += sign sum_r a_ri b_rj for j <= i; values above the diagonal are undefined. Rows of `sums` are padded like
// those of the prior's matrices.
template <class W>
void add_outer_products(const W* a, const W* b, int64_t rows, int64_t d, W sign, W* sums, int64_t stride) {
  using V = Vector<W>;
  constexpr int kHeight = 4, kVectors = 2;
  const V factor = Lane<V>::splat(sign);
  for (int64_t i = 0; i < d; i += kHeight) {
    const int64_t height = i + kHeight < d ? kHeight : d - i;
    for (int64_t j = 0; j < i + height; j += kVectors * kLanes<W>) {
      V total[kHeight][kVectors] = {};
      const auto add_row = [&](const W* left, const W* right, int64_t count) {
        for (int v = 0; v < kVectors; ++v) {
          const int64_t rest = count - v * kLanes<W>;
          if (rest <= 0) break;
          const W* from = right + v * kLanes<W>;
          const V x = rest >= kLanes<W> ? load<V>(from) : First<W>{rest}.load(from);
          for (int64_t h = 0; h < kHeight; ++h) {
            // If fewer than kHeight rows are left, the first is repeated and the extra sums are discarded.
            total[h][v] = Lane<V>::fma(Lane<V>::splat(left[h < height ? h : 0]), x, total[h][v]);
          }
        }
      };
      const int64_t count = d - j;
      if (count >= kVectors * kLanes<W>) {
        for (int64_t r = 0; r < rows; ++r) add_row(a + r * d + i, b + r * d + j, kVectors * kLanes<W>);
      } else {
        for (int64_t r = 0; r < rows; ++r) add_row(a + r * d + i, b + r * d + j, count);
      }
      for (int64_t h = 0; h < height; ++h) {
        for (int v = 0; v < kVectors; ++v) {
          W* to = sums + (i + h) * stride + j + v * kLanes<W>;
          store(to, Lane<V>::fma(factor, total[h][v], load<V>(to)));
        }
      }
    }
  }
}

// sums_j += sign sum_r a_rj.
template <class W>
void add_columns(const W* a, int64_t rows, int64_t d, W sign, W* sums) {
  const auto factor = Lane<Vector<W>>::splat(sign);
  for_vectors<W>(d, [=](int64_t j, auto access) {
    Vector<W> total{};
    for (int64_t r = 0; r < rows; ++r) total += access.load(a + r * d + j);
    access.store(sums + j, Lane<Vector<W>>::fma(factor, total, access.load(sums + j)));
  });
}

}  // namespace TFVAE_ABI
}  // namespace tfvae
