// The operations that the maths needs: for a float or double here, on host and device; for a vector of them in
// cpu/vector.h. The maths is written once, as templates over Lane.
//
// Every fma is explicit, with one rounding, and the compiler may contract nothing else (-ffp-contract=off,
// --fmad=false): so every processor with fused multiply-add, and the GPU, gives the same bits.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#define TFVAE_HD __host__ __device__ __forceinline__
#else
#define TFVAE_HD inline __attribute__((always_inline))
#endif

// Each instruction set compiles the maths into its own namespace, so that the linker does not merge them.
#ifndef TFVAE_ABI
#define TFVAE_ABI generic
#endif

namespace tfvae {
inline namespace TFVAE_ABI {

template <class F>
struct Lane;

template <>
struct Lane<float> {
  using Scalar = float;
  using Bits = uint32_t;
  static TFVAE_HD float splat(float x) { return x; }
  static TFVAE_HD float fma(float a, float b, float c) {
#if defined(__CUDA_ARCH__)
    return __fmaf_rn(a, b, c);
#elif defined(__FMA__) || defined(__aarch64__)
    return __builtin_fmaf(a, b, c);
#else
    return a * b + c;  // without the instruction, fma is a slow library call
#endif
  }
  static TFVAE_HD float sqrt(float x) {
#if defined(__CUDA_ARCH__)
    return __fsqrt_rn(x);
#else
    return std::sqrt(x);
#endif
  }
  static TFVAE_HD Bits bits(float x) {
    Bits w;
    memcpy(&w, &x, sizeof w);
    return w;
  }
  static TFVAE_HD float from_bits(Bits w) {
    float x;
    memcpy(&x, &w, sizeof x);
    return x;
  }
  // The exponent field of w, read as a signed number.
  static TFVAE_HD float exponent_of(Bits w) { return static_cast<float>(static_cast<int32_t>(w) >> 23); }
};

template <>
struct Lane<double> {
  using Scalar = double;
  using Bits = uint64_t;
  static TFVAE_HD double splat(double x) { return x; }
  static TFVAE_HD double fma(double a, double b, double c) {
#if defined(__CUDA_ARCH__)
    return __fma_rn(a, b, c);
#elif defined(__FMA__) || defined(__aarch64__)
    return __builtin_fma(a, b, c);
#else
    return a * b + c;
#endif
  }
  static TFVAE_HD double sqrt(double x) {
#if defined(__CUDA_ARCH__)
    return __dsqrt_rn(x);
#else
    return std::sqrt(x);
#endif
  }
  static TFVAE_HD Bits bits(double x) {
    Bits w;
    memcpy(&w, &x, sizeof w);
    return w;
  }
  static TFVAE_HD double from_bits(Bits w) {
    double x;
    memcpy(&x, &w, sizeof x);
    return x;
  }
  static TFVAE_HD double exponent_of(Bits w) { return static_cast<double>(static_cast<int64_t>(w) >> 52); }
};

// Words of the generator: a 32-bit number, or the low half of a 64-bit lane in a vector.
template <class W>
struct WordLane;

template <>
struct WordLane<uint32_t> {
  static TFVAE_HD uint32_t splat(uint32_t x) { return x; }
  static TFVAE_HD void multiply(uint32_t a, uint32_t b, uint32_t* high, uint32_t* low) {
#if defined(__CUDA_ARCH__)
    // In assembly, because nvcc otherwise carries the words as 64-bit numbers from round to round.
    asm("{ .reg .u64 p; mul.wide.u32 p, %2, %3; mov.b64 {%1, %0}, p; }" : "=r"(*high), "=r"(*low) : "r"(a), "r"(b));
#else
    const uint64_t product = static_cast<uint64_t>(a) * b;
    *high = static_cast<uint32_t>(product >> 32);
    *low = static_cast<uint32_t>(product);
#endif
  }
};

}  // namespace TFVAE_ABI
}  // namespace tfvae
