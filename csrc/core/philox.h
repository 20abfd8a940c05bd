// Philox4x32-10. Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3 (2011).
#pragma once

#include "core/lane.h"

namespace tfvae {
inline namespace TFVAE_ABI {

template <class W>
struct Words {
  W w[4];
};

// The keys of the ten rounds, computed once for many counters.
template <class W>
struct RoundKeys {
  W low[10], high[10];

  TFVAE_HD explicit RoundKeys(uint64_t key) {
    for (uint32_t round = 0; round < 10; ++round) {
      low[round] = WordLane<W>::splat(static_cast<uint32_t>(key) + round * 0x9E3779B9u);
      high[round] = WordLane<W>::splat(static_cast<uint32_t>(key >> 32) + round * 0xBB67AE85u);
    }
  }
};

// The four output words for the 128-bit counter (c0, c1), all in little-endian order.
template <class W>
TFVAE_HD Words<W> philox(W c0_low, W c0_high, W c1_low, W c1_high, const RoundKeys<W>& keys) {
  using L = WordLane<W>;
  W a = c0_low, b = c0_high, c = c1_low, d = c1_high;
#ifdef __CUDACC__
#pragma unroll
#endif
  for (int round = 0; round < 10; ++round) {
    W high_a, low_a, high_c, low_c;
    L::multiply(a, 0xD2511F53u, &high_a, &low_a);
    L::multiply(c, 0xCD9E8D57u, &high_c, &low_c);
    a = high_c ^ b ^ keys.low[round];
    b = low_c;
    c = high_a ^ d ^ keys.high[round];
    d = low_a;
  }
  return {{a, b, c, d}};
}

}  // namespace TFVAE_ABI
}  // namespace tfvae
