// A matrix product whose operands are computed as they are loaded: result[m, n] = sum_k left(m, k) right(k, n).
//
// One kernel serves every O(batch * latent^2) step of the correlated prior, at any latent dimension: tiles of both sides
// go through shared memory, and each thread keeps 4 x 4 results in registers. The terms of a result are added in the
// order of k. For triangular right sides, all-zero tiles are skipped.
#pragma once

#include "cuda/device.cuh"
#include "cuda/queue.h"

namespace tfvae::cuda {

// Which k can contribute to a column n: all, k <= n, or k >= n.
enum class Terms { kAll, kUpToColumn, kFromColumn };

struct Extents {
  int64_t rows, columns, terms;
  Parts parts = {1, 0};  // of the terms, each with its own result; a single part has all terms
};

// Copies kTile x kDepth values of `source(position, k)` into tile[k][position]. Adjacent threads copy adjacent
// positions, or adjacent k if the source is contiguous in k.
template <bool kAlongTerms, class F, class Source>
__device__ __forceinline__ void load_tile(const Source& source, int64_t first, int64_t size, int64_t k0, int64_t k_end,
                                          F (*tile)[kTile + 4]) {
#pragma unroll
  for (int step = 0; step < kTile * kDepth / kBlock; ++step) {
    const int index = step * kBlock + static_cast<int>(threadIdx.x);
    const int k = kAlongTerms ? index % kDepth : index / kTile;
    const int position = kAlongTerms ? index / kDepth : index % kTile;
    const bool inside = first + position < size && k0 + k < k_end;
    tile[k][position] = inside ? source(first + position, k0 + k) : F(0);
  }
}

template <class F, Terms kTerms, class Left, class Right, class Sink>
__global__ void __launch_bounds__(kBlock) product_kernel(Extents extents, Left left, Right right, Sink sink) {
  alignas(16) __shared__ F left_tile[kDepth][kTile + 4];
  alignas(16) __shared__ F right_tile[kDepth][kTile + 4];
  const int64_t m0 = int64_t{blockIdx.x} * kTile, n0 = int64_t{blockIdx.y} * kTile;
  const int64_t part = blockIdx.z;
  int64_t begin = part * extents.parts.length;
  int64_t end = extents.parts.count > 1 ? begin + extents.parts.length : extents.terms;
  if (kTerms == Terms::kUpToColumn) end = n0 + kTile;
  if (kTerms == Terms::kFromColumn) begin = n0;
  end = end < extents.terms ? end : extents.terms;

  const int m = static_cast<int>(threadIdx.x) / 16 * 4, n = static_cast<int>(threadIdx.x) % 16 * 4;
  F sums[4][4] = {};
  for (int64_t k0 = begin; k0 < end; k0 += kDepth) {
    load_tile<Left::kAlongTerms>(left, m0, extents.rows, k0, end, left_tile);
    load_tile<Right::kAlongTerms>(right, n0, extents.columns, k0, end, right_tile);
    __syncthreads();
#pragma unroll
    for (int k = 0; k < kDepth; ++k) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          sums[i][j] = Lane<F>::fma(left_tile[k][m + i], right_tile[k][n + j], sums[i][j]);
        }
      }
    }
    __syncthreads();
  }
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      if (m0 + m + i < extents.rows && n0 + n + j < extents.columns) sink(part, m0 + m + i, n0 + n + j, sums[i][j]);
    }
  }
}

template <class F, Terms kTerms, class Left, class Right, class Sink>
void product(const char* name, const Extents& extents, const Left& left, const Right& right, const Sink& sink,
             Queue* queue) {
  const dim3 grid = grid_of(ceil_div(extents.rows, kTile), ceil_div(extents.columns, kTile), extents.parts.count);
  queue->run(name, product_kernel<F, kTerms, Left, Right, Sink>, grid, kBlock, extents, left, right, sink);
}

// Dense matrices in memory, as a side of a product.
template <class F>
struct ByRows {  // (position, k) at k * stride + position
  static constexpr bool kAlongTerms = false;
  const F* data;
  int64_t stride;
  __device__ F operator()(int64_t position, int64_t k) const { return data[k * stride + position]; }
};

template <class F>
struct ByTerms {  // (position, k) at position * stride + k
  static constexpr bool kAlongTerms = true;
  const F* data;
  int64_t stride;
  __device__ F operator()(int64_t position, int64_t k) const { return data[position * stride + k]; }
};

template <class F>
struct Store {
  F* data;
  int64_t rows, stride;
  __device__ void operator()(int64_t part, int64_t m, int64_t n, F value) const {
    data[(part * rows + m) * stride + n] = value;
  }
};

}  // namespace tfvae::cuda
