// Shared by the elementwise kernels: loads and stores of four numbers at a time, noise, and sums over a thread team.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "core/gaussian.h"
#include "core/latent.h"
#include "core/philox.h"
#include "cuda/geometry.h"

namespace tfvae::cuda {

template <class T>
struct WideOf {
  using Type = float;
};
template <>
struct WideOf<double> {
  using Type = double;
};
template <class T>
using Wide = typename WideOf<T>::Type;

__device__ inline float widen(__half x) { return __half2float(x); }
__device__ inline float widen(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ inline float widen(float x) { return x; }
__device__ inline double widen(double x) { return x; }

__device__ inline void narrow(float x, __half* to) { *to = __float2half_rn(x); }
__device__ inline void narrow(float x, __nv_bfloat16* to) { *to = __float2bfloat16_rn(x); }
__device__ inline void narrow(float x, float* to) { *to = x; }
__device__ inline void narrow(double x, double* to) { *to = x; }

// One access of 16 bytes (two for double, one of 8 for the 16-bit types).
template <class T>
struct alignas(sizeof(T) < 4 ? 8 : 16) Four {
  T v[kGroup];
};

// Elements begin … begin + 3 of a row, zero past its end. kAligned: the row's length is a multiple of four and its base
// is aligned.
template <bool kAligned, class T>
__device__ __forceinline__ void load(const T* row, int64_t begin, int64_t width, Wide<T>* out) {
  if constexpr (kAligned) {
    const Four<T> four = *reinterpret_cast<const Four<T>*>(row + begin);
#pragma unroll
    for (int j = 0; j < kGroup; ++j) out[j] = widen(four.v[j]);
  } else {
#pragma unroll
    for (int j = 0; j < kGroup; ++j) out[j] = begin + j < width ? widen(row[begin + j]) : Wide<T>(0);
  }
}

template <bool kAligned, class T>
__device__ __forceinline__ void store(T* row, int64_t begin, int64_t width, const Wide<T>* values) {
  if constexpr (kAligned) {
    Four<T> four;
#pragma unroll
    for (int j = 0; j < kGroup; ++j) narrow(values[j], &four.v[j]);
    *reinterpret_cast<Four<T>*>(row + begin) = four;
  } else {
#pragma unroll
    for (int j = 0; j < kGroup; ++j) {
      if (begin + j < width) narrow(values[j], &row[begin + j]);
    }
  }
}

// The entries of a table [latent] for elements begin … begin + 3 of an example.
template <bool kAligned, class F>
__device__ __forceinline__ void load_table(const F* table, int64_t begin, int64_t latent, int64_t width, F* out) {
  if constexpr (kAligned) {
    load<true>(table, column_of(begin, latent, width), latent, out);
  } else {
#pragma unroll
    for (int j = 0; j < kGroup; ++j) {
      out[j] = begin + j < width ? table[column_of(begin + j, latent, width)] : F(0);
    }
  }
}

// The stream of docs/noise.md, read from the memory of the device.
struct Noise {
  uint64_t key, low, high, start;

  __device__ explicit Noise(const Problem& p)
      : key(*p.key),
        low(p.counter[0]),
        high(p.counter[1]),
        start(static_cast<uint64_t>(*p.first_example) * static_cast<uint64_t>(p.width)) {}

  // The four normals of one counter.
  template <class F>
  __device__ __forceinline__ void group(uint64_t index, uint64_t sample, F* eps) const {
    const uint64_t c0 = low + index, c1 = high + sample;
    const Words<uint32_t> words =
        philox(static_cast<uint32_t>(c0), static_cast<uint32_t>(c0 >> 32), static_cast<uint32_t>(c1),
               static_cast<uint32_t>(c1 >> 32), RoundKeys<uint32_t>(key));
#pragma unroll
    for (int pair = 0; pair < 4; pair += 2) {
      const float unit = bounded_unit<float>(words.w[pair]), turn = angle<float>(words.w[pair + 1]);
      box_muller<F>(unit, turn, &eps[pair], &eps[pair + 1]);
    }
  }

  // eps of four elements, the first of which is `element` of the batch.
  template <bool kAligned, class F>
  __device__ __forceinline__ void normals(uint64_t element, uint64_t sample, F* eps) const {
    const uint64_t position = start + element;
    group(position >> 2, sample, eps);
    if constexpr (!kAligned) {
      const int shift = static_cast<int>(position & 3);
      if (shift == 0) return;
      // The four elements span two counters.
      F next[kGroup];
      group((position >> 2) + 1, sample, next);
#pragma unroll
      for (int j = 0; j < kGroup; ++j) {
        const F one = j + 1 < kGroup ? eps[(j + 1) % kGroup] : next[(j + 1) % kGroup];
        const F two = j + 2 < kGroup ? eps[(j + 2) % kGroup] : next[(j + 2) % kGroup];
        const F three = j + 3 < kGroup ? eps[(j + 3) % kGroup] : next[(j + 3) % kGroup];
        eps[j] = shift == 1 ? one : shift == 2 ? two : three;
      }
    }
  }
};

// The sum of x over a team, the same in all its threads, in an order that depends only on the size of the team. All
// threads of the block must call it.
template <class F>
__device__ F team_sum(F x, int team) {
#pragma unroll
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    if (offset < team) x += __shfl_xor_sync(0xFFFFFFFFu, x, offset);
  }
  if (team <= kWarp) return x;
  __shared__ F parts[kBlock / kWarp];
  __syncthreads();  // until every thread has read the previous sum
  if (threadIdx.x % kWarp == 0) parts[threadIdx.x / kWarp] = x;
  __syncthreads();
  F sum = 0;
  for (int warp = 0; warp < kBlock / kWarp; ++warp) sum += parts[warp];
  return sum;
}

}  // namespace tfvae::cuda
