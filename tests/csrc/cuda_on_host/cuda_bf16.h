// See cuda_runtime.h in this folder.
#pragma once

#include <cstdint>
#include <cstring>

struct __nv_bfloat16 {
  uint16_t bits = 0;
};

inline float __bfloat162float(__nv_bfloat16 x) {
  const uint32_t word = uint32_t{x.bits} << 16;
  float wide;
  memcpy(&wide, &word, sizeof wide);
  return wide;
}

inline __nv_bfloat16 __float2bfloat16_rn(float x) {
  uint32_t word;
  memcpy(&word, &x, sizeof word);
  if (x != x) return {0x7FFF};
  // To nearest, ties to even.
  return {static_cast<uint16_t>((word + 0x7FFF + (word >> 16 & 1)) >> 16)};
}
