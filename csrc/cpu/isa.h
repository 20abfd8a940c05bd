// The table of kernels of the instruction set that the including file is compiled for; it has set TFVAE_ABI.
#pragma once

#include "cpu/backward.h"

namespace tfvae {
inline namespace TFVAE_ABI {

template <class T, class W>
void forward_units(const Problem& problem, const Outputs& outputs, const cpu::PriorView<W>& prior,
                   const cpu::Tiling& tiling, int64_t begin, int64_t end, void* scratch) {
  const Forward<T, W> work(problem, outputs, prior, tiling, scratch);
  for_tiles(problem, tiling, begin, end, work);
}

template <class T, class W>
void backward_units(const Problem& problem, const Upstream& upstream, const Gradients& gradients,
                    const cpu::PriorView<W>& prior, const cpu::Tiling& tiling, int64_t begin, int64_t end,
                    const cpu::PriorSums<W>& sums, void* scratch) {
  const Backward<T, W> work(problem, upstream, gradients, prior, sums, tiling, scratch);
  for_tiles(problem, tiling, begin, end, work);
}

inline void forward_of_float(const Problem& problem, const Outputs& outputs, const cpu::PriorView<float>& prior,
                             const cpu::Tiling& tiling, int64_t begin, int64_t end, void* scratch) {
  const auto run = problem.dtype == DType::kHalf       ? forward_units<Half, float>
                   : problem.dtype == DType::kBFloat16 ? forward_units<BFloat16, float>
                                                       : forward_units<float, float>;
  run(problem, outputs, prior, tiling, begin, end, scratch);
}

inline void backward_of_float(const Problem& problem, const Upstream& upstream, const Gradients& gradients,
                              const cpu::PriorView<float>& prior, const cpu::Tiling& tiling, int64_t begin, int64_t end,
                              const cpu::PriorSums<float>& sums, void* scratch) {
  const auto run = problem.dtype == DType::kHalf       ? backward_units<Half, float>
                   : problem.dtype == DType::kBFloat16 ? backward_units<BFloat16, float>
                                                       : backward_units<float, float>;
  run(problem, upstream, gradients, prior, tiling, begin, end, sums, scratch);
}

inline void axpy(double a, const double* x, double* y, int64_t n) {
  const DoubleV factor = Lane<DoubleV>::splat(a);
  for_vectors<double>(n, [=](int64_t i, auto access) {
    access.store(y + i, Lane<DoubleV>::fma(factor, access.load(x + i), access.load(y + i)));
  });
}

inline void multiply_wide(const double* a, int64_t a_stride, int64_t rows, int64_t depth, const double* b,
                          int64_t b_stride, int64_t columns, bool upper, double* c, int64_t c_stride) {
  const Triangle triangle = upper ? Triangle::kUpper : Triangle::kLower;
  multiply(a, a_stride, rows, depth, b, b_stride, columns, triangle, c, c_stride);
}

template <class Value>
void copy_noise(uint64_t key, const uint64_t counter[2], uint64_t first, int64_t n, Value* out) {
  constexpr int64_t kPart = 1024;
  Value buffer[kPart + kNoiseMargin];
  for (int64_t i = 0; i < n; i += kPart) {
    const int64_t count = n - i < kPart ? n - i : kPart;
    const Stream stream{key, counter[0], counter[1]};
    __builtin_memcpy(out + i, fill(stream, first + static_cast<uint64_t>(i), count, buffer), count * sizeof(Value));
  }
}

inline cpu::Kernels kernels_named(const char* name) {
  return {name,
          {forward_of_float, backward_of_float},
          {forward_units<double, double>, backward_units<double, double>},
          axpy,
          multiply_wide,
          copy_noise<uint32_t>,
          copy_noise<float>,
          copy_noise<double>};
}

}  // namespace TFVAE_ABI
}  // namespace tfvae
