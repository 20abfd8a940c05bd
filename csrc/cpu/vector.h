// Vectors of the instruction set that this file is compiled for, and their Lane. The arithmetic uses GCC's vector
// extension, and intrinsics only for operations that it lacks.
#pragma once

#include <type_traits>

#include "core/lane.h"

#if defined(__x86_64__)
// GCC 12 warns about its own header, where an operand is undefined on purpose (GCC bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace tfvae {
inline namespace TFVAE_ABI {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#define TFVAE_INTRINSIC(name) _mm512_##name
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#define TFVAE_INTRINSIC(name) _mm256_##name
#else
constexpr int kVectorBytes = 16;
#define TFVAE_INTRINSIC(name) _mm_##name
#endif

typedef float FloatV __attribute__((vector_size(kVectorBytes)));
typedef double DoubleV __attribute__((vector_size(kVectorBytes)));
typedef int32_t Int32V __attribute__((vector_size(kVectorBytes)));
typedef int64_t Int64V __attribute__((vector_size(kVectorBytes)));
typedef uint32_t UInt32V __attribute__((vector_size(kVectorBytes)));
typedef uint64_t UInt64V __attribute__((vector_size(kVectorBytes)));

template <class W>
struct VectorOf;
template <>
struct VectorOf<float> {
  using Type = FloatV;
};
template <>
struct VectorOf<double> {
  using Type = DoubleV;
};
template <class W>
using Vector = typename VectorOf<W>::Type;
template <class W>
constexpr int64_t kLanes = kVectorBytes / sizeof(W);

template <class V>
TFVAE_HD V load(const void* from) {
  V x;
  __builtin_memcpy(&x, from, sizeof x);
  return x;
}

template <class V>
TFVAE_HD void store(void* to, V x) {
  __builtin_memcpy(to, &x, sizeof x);
}

template <>
struct Lane<FloatV> {
  using Scalar = float;
  using Bits = UInt32V;
  static TFVAE_HD FloatV splat(float x) { return x - FloatV{}; }
  static TFVAE_HD Bits bits(FloatV x) { return reinterpret_cast<Bits>(x); }
  static TFVAE_HD FloatV from_bits(Bits w) { return reinterpret_cast<FloatV>(w); }
  static TFVAE_HD FloatV exponent_of(Bits w) {
    return __builtin_convertvector(reinterpret_cast<Int32V>(w) >> 23, FloatV);
  }
#if defined(__aarch64__)
  static TFVAE_HD FloatV fma(FloatV a, FloatV b, FloatV c) { return vfmaq_f32(c, a, b); }
  static TFVAE_HD FloatV sqrt(FloatV x) { return vsqrtq_f32(x); }
#else
  static TFVAE_HD FloatV fma(FloatV a, FloatV b, FloatV c) {
#if defined(__FMA__)
    return TFVAE_INTRINSIC(fmadd_ps)(a, b, c);
#else
    return a * b + c;
#endif
  }
  static TFVAE_HD FloatV sqrt(FloatV x) { return TFVAE_INTRINSIC(sqrt_ps)(x); }
#endif
};

template <>
struct Lane<DoubleV> {
  using Scalar = double;
  using Bits = UInt64V;
  static TFVAE_HD DoubleV splat(double x) { return x - DoubleV{}; }
  static TFVAE_HD Bits bits(DoubleV x) { return reinterpret_cast<Bits>(x); }
  static TFVAE_HD DoubleV from_bits(Bits w) { return reinterpret_cast<DoubleV>(w); }
  static TFVAE_HD DoubleV exponent_of(Bits w) {
    return __builtin_convertvector(reinterpret_cast<Int64V>(w) >> 52, DoubleV);
  }
#if defined(__aarch64__)
  static TFVAE_HD DoubleV fma(DoubleV a, DoubleV b, DoubleV c) { return vfmaq_f64(c, a, b); }
  static TFVAE_HD DoubleV sqrt(DoubleV x) { return vsqrtq_f64(x); }
#else
  static TFVAE_HD DoubleV fma(DoubleV a, DoubleV b, DoubleV c) {
#if defined(__FMA__)
    return TFVAE_INTRINSIC(fmadd_pd)(a, b, c);
#else
    return a * b + c;
#endif
  }
  static TFVAE_HD DoubleV sqrt(DoubleV x) { return TFVAE_INTRINSIC(sqrt_pd)(x); }
#endif
};

// A word is the low half of its 64-bit lane; the high half is never cleared, because the product reads only low halves.
template <>
struct WordLane<UInt64V> {
  static TFVAE_HD UInt64V splat(uint32_t x) { return UInt64V{} + x; }
  static TFVAE_HD void multiply(UInt64V a, uint32_t b, UInt64V* high, UInt64V* low) {
#if defined(__aarch64__)
    *low = vmull_n_u32(vmovn_u64(a), b);
#else
    typedef long long Words __attribute__((vector_size(kVectorBytes)));
    *low = reinterpret_cast<UInt64V>(
        TFVAE_INTRINSIC(mul_epu32)(reinterpret_cast<Words>(a), reinterpret_cast<Words>(splat(b))));
#endif
    *high = *low >> 32;
  }
};

// Rows of a 4 x 4 transpose within each 128 bits: row i consists of element i of a, b, c and d.
TFVAE_HD void transpose(FloatV a, FloatV b, FloatV c, FloatV d, FloatV row[4]) {
#if defined(__aarch64__)
  const auto pairs = [](FloatV x, FloatV y, bool high) {
    return reinterpret_cast<DoubleV>(high ? vzip2q_f32(x, y) : vzip1q_f32(x, y));
  };
  const auto low = [](DoubleV x, DoubleV y) { return reinterpret_cast<FloatV>(vzip1q_f64(x, y)); };
  const auto high = [](DoubleV x, DoubleV y) { return reinterpret_cast<FloatV>(vzip2q_f64(x, y)); };
#else
  const auto pairs = [](FloatV x, FloatV y, bool high) {
    return reinterpret_cast<DoubleV>(high ? TFVAE_INTRINSIC(unpackhi_ps)(x, y) : TFVAE_INTRINSIC(unpacklo_ps)(x, y));
  };
  const auto low = [](DoubleV x, DoubleV y) { return reinterpret_cast<FloatV>(TFVAE_INTRINSIC(unpacklo_pd)(x, y)); };
  const auto high = [](DoubleV x, DoubleV y) { return reinterpret_cast<FloatV>(TFVAE_INTRINSIC(unpackhi_pd)(x, y)); };
#endif
  const DoubleV ab_low = pairs(a, b, false), ab_high = pairs(a, b, true);
  const DoubleV cd_low = pairs(c, d, false), cd_high = pairs(c, d, true);
  row[0] = low(ab_low, cd_low);
  row[1] = high(ab_low, cd_low);
  row[2] = low(ab_high, cd_high);
  row[3] = high(ab_high, cd_high);
}

}  // namespace TFVAE_ABI
}  // namespace tfvae
