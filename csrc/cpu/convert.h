// 16-bit numbers: widened on load, rounded to nearest even on store; everything in between is float32.
#pragma once

#include "cpu/vector.h"

namespace tfvae {
inline namespace TFVAE_ABI {

struct Half {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

TFVAE_HD float widen(BFloat16 x) { return Lane<float>::from_bits(static_cast<uint32_t>(x.bits) << 16); }

TFVAE_HD void narrow(float x, BFloat16* to) {
  const uint32_t w = Lane<float>::bits(x);
  const uint32_t rounded = (w + 0x7FFFu + ((w >> 16) & 1u)) >> 16;
  const bool nan = (w & 0x7FFFFFFFu) > 0x7F800000u;  // rounding could carry a NaN into an infinity
  to->bits = static_cast<uint16_t>(nan ? (w >> 16) | 0x40u : rounded);
}

TFVAE_HD float widen(Half x) {
  const uint32_t sign = static_cast<uint32_t>(x.bits & 0x8000u) << 16, magnitude = x.bits & 0x7FFFu;
  const bool special = magnitude >= 0x7C00u;
  const uint32_t normal = (magnitude << 13) + (special ? 224u << 23 : 112u << 23);
  // Subnormals by integer arithmetic, because frameworks set the processor to flush subnormal floats.
  const float small = static_cast<float>(static_cast<int32_t>(magnitude)) * 5.9604644775390625e-8f;
  return Lane<float>::from_bits(sign | (magnitude < 0x400u ? Lane<float>::bits(small) : normal));
}

TFVAE_HD void narrow(float x, Half* to) {
  const uint32_t w = Lane<float>::bits(x), sign = (w >> 16) & 0x8000u, magnitude = w & 0x7FFFFFFFu;
  // 2^-14 is the smallest normal number; below it, adding 1/2 puts the last bit of the half where float32 rounds.
  const float shifted = Lane<float>::from_bits(magnitude) + 0.5f;
  const uint32_t subnormal = Lane<float>::bits(shifted) - Lane<float>::bits(0.5f);
  const uint32_t normal = (magnitude + 0xFFFu + ((magnitude >> 13) & 1u) - (112u << 23)) >> 13;
  uint32_t half = magnitude < (113u << 23) ? subnormal : normal;
  half = magnitude >= 0x477FF000u ? 0x7C00u : half;
  half = magnitude > 0x7F800000u ? 0x7E00u : half;
  to->bits = static_cast<uint16_t>(sign | half);
}

#if defined(__F16C__)
inline int64_t widen_by_eight(const Half* from, int64_t n, float* to) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) store(to + i, _mm256_cvtph_ps(load<__m128i>(from + i)));
  return i;
}
inline int64_t narrow_by_eight(const float* from, int64_t n, Half* to) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) store(to + i, _mm256_cvtps_ph(load<__m256>(from + i), _MM_FROUND_TO_NEAREST_INT));
  return i;
}
#else
inline int64_t widen_by_eight(const Half*, int64_t, float*) { return 0; }
inline int64_t narrow_by_eight(const float*, int64_t, Half*) { return 0; }
#endif
inline int64_t widen_by_eight(const BFloat16*, int64_t, float*) { return 0; }  // the plain loop vectorises
inline int64_t narrow_by_eight(const float*, int64_t, BFloat16*) { return 0; }

// n numbers from `offset` on, as W: a pointer into the input if it is already W, else `buffer`.
template <class T, class W>
const W* input(const void* base, int64_t offset, int64_t n, W* buffer) {
  const T* from = static_cast<const T*>(base) + offset;
  if constexpr (std::is_same_v<T, W>) {
    return from;
  } else {
    for (int64_t i = widen_by_eight(from, n, buffer); i < n; ++i) buffer[i] = widen(from[i]);
    return buffer;
  }
}

// Where to write n numbers destined for `offset` of an output, and the step that stores them there.
template <class T, class W>
W* output(void* base, int64_t offset, W* buffer) {
  if constexpr (std::is_same_v<T, W>) {
    return static_cast<T*>(base) + offset;
  } else {
    return buffer;
  }
}

template <class T, class W>
void flush(const W* written, int64_t n, void* base, int64_t offset) {
  if constexpr (!std::is_same_v<T, W>) {
    T* to = static_cast<T*>(base) + offset;
    for (int64_t i = narrow_by_eight(written, n, to); i < n; ++i) narrow(written[i], to + i);
  }
}

}  // namespace TFVAE_ABI
}  // namespace tfvae
