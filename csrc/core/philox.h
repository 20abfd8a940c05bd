// Philox4x32-10. Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3 (2011).
#pragma once

#include "core/lane.h"

namespace tfvae {
inline namespace TFVAE_ABI {

template <class W>
struct Words {
  W w[4];
};

// Four words of the 128-bit counter (c0, c1) under a 64-bit key, all little end first.
template <class W>
TFVAE_HD Words<W> philox(W c0_low, W c0_high, W c1_low, W c1_high, uint32_t key_low, uint32_t key_high) {
  using L = WordLane<W>;
  W a = c0_low, b = c0_high, c = c1_low, d = c1_high;
#ifdef __CUDACC__
#pragma unroll
#endif
  for (int round = 0; round < 10; ++round) {
    W high_a, low_a, high_c, low_c;
    L::multiply(a, 0xD2511F53u, &high_a, &low_a);
    L::multiply(c, 0xCD9E8D57u, &high_c, &low_c);
    a = high_c ^ b ^ L::splat(key_low);
    b = low_c;
    c = high_a ^ d ^ L::splat(key_high);
    d = low_a;
    key_low += 0x9E3779B9u;
    key_high += 0xBB67AE85u;
  }
  return {{a, b, c, d}};
}

}  // namespace TFVAE_ABI
}  // namespace tfvae
