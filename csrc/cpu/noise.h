// Noise in blocks: as many counters at once as a vector has lanes, four values per counter.
#pragma once

#include "core/normal.h"
#include "core/philox.h"
#include "cpu/vector.h"

namespace tfvae {
inline namespace TFVAE_ABI {

struct Stream {
  uint64_t key, c0, c1;  // position p is lane p mod 4 of the counter (c0 + p div 4, c1)
};

constexpr int64_t kCounters = kLanes<float>;
constexpr int64_t kBlock = 4 * kCounters;
// Extra space that a buffer needs beyond its n values: those before the first in its group of four, and the rest of the
// last block.
constexpr int64_t kNoiseMargin = kBlock + 4;

// The counter of the block that each 32-bit position of a vector uses, chosen so that after transposing within 128 bits
// every row is contiguous in the stream, without a shuffle across lanes.
TFVAE_HD constexpr int64_t counter_at(int64_t position) {
  return kCounters / 4 * (position % 4) + position / 4;
}

// State shared by all blocks of a stream.
struct Blocks {
  RoundKeys<UInt64V> keys;
  UInt64V c1_low, c1_high, even{}, odd{};

  TFVAE_HD explicit Blocks(const Stream& s)
      : keys(s.key),
        c1_low(WordLane<UInt64V>::splat(static_cast<uint32_t>(s.c1))),
        c1_high(WordLane<UInt64V>::splat(static_cast<uint32_t>(s.c1 >> 32))) {
    for (int64_t i = 0; i < kCounters / 2; ++i) {
      even[i] = counter_at(2 * i);
      odd[i] = counter_at(2 * i + 1);
    }
  }
};

// The words of kCounters counters from c0 on; word[i] holds word i of counter_at(position) at each position.
TFVAE_HD void block_of_words(const Blocks& s, uint64_t c0, UInt32V word[4]) {
  const UInt64V even = s.even + c0, odd = s.odd + c0;
  const Words<UInt64V> a = philox(even, even >> 32, s.c1_low, s.c1_high, s.keys);
  const Words<UInt64V> b = philox(odd, odd >> 32, s.c1_low, s.c1_high, s.keys);
  for (int i = 0; i < 4; ++i) {
    word[i] = reinterpret_cast<UInt32V>((a.w[i] & 0xFFFFFFFFu) | (b.w[i] << 32));
  }
}

// Reorders words[i] of a block, as stored at `block`, into the order of the stream.
TFVAE_HD void finish(uint32_t* block) {
  FloatV row[4];
  transpose(load<FloatV>(block), load<FloatV>(block + kCounters), load<FloatV>(block + 2 * kCounters),
            load<FloatV>(block + 3 * kCounters), row);
  for (int i = 0; i < 4; ++i) store(block + i * kCounters, row[i]);
}

// The same, and converts them to normals.
TFVAE_HD void finish(float* block) {
  FloatV normal[4], row[4];
  for (int i = 0; i < 4; i += 2) {
    const auto a = load<UInt32V>(block + i * kCounters), b = load<UInt32V>(block + (i + 1) * kCounters);
    box_muller(bounded_unit<FloatV>(a), angle<FloatV>(b), &normal[i], &normal[i + 1]);
  }
  transpose(normal[0], normal[1], normal[2], normal[3], row);
  for (int i = 0; i < 4; ++i) store(block + i * kCounters, row[i]);
}

// float64: the transform in float64 of the float32 uniform and the float32 angle. The words fill half of the block.
TFVAE_HD void finish(double* block) {
  UInt32V word[4];
  for (int i = 0; i < 4; ++i) word[i] = load<UInt32V>(block + i * kCounters / 2);
  for (int i = 0; i < 4; i += 2) {
    const FloatV u = bounded_unit<FloatV>(word[i]), v = angle<FloatV>(word[i + 1]);
    for (int64_t begin = 0; begin < kCounters; begin += kLanes<double>) {
      DoubleV wide_u, wide_v, first, second;
      for (int64_t j = 0; j < kLanes<double>; ++j) {
        wide_u[j] = u[begin + j];
        wide_v[j] = v[begin + j];
      }
      box_muller(wide_u, wide_v, &first, &second);
      for (int64_t j = 0; j < kLanes<double>; ++j) {
        double* group = block + 4 * counter_at(begin + j);
        group[i] = first[j];
        group[i + 1] = second[j];
      }
    }
  }
}

// Writes the n values from position p on into `buffer`, of n + kNoiseMargin, and returns where they begin. First words,
// then normals, for several blocks at a time: steps depend on each other within a block, but not across blocks.
template <class Value>
const Value* fill(const Stream& s, uint64_t p, int64_t n, Value* buffer) {
  constexpr int64_t kRun = 16 * kBlock;
  const int64_t lead = static_cast<int64_t>(p & 3), end = n + lead;
  const uint64_t c0 = s.c0 + (p >> 2);
  const Blocks blocks(s);
  for (int64_t run = 0; run < end; run += kRun) {
    const int64_t stop = run + kRun < end ? run + kRun : end;
    for (int64_t i = run; i < stop; i += kBlock) {
      UInt32V word[4];
      block_of_words(blocks, c0 + static_cast<uint64_t>(i / 4), word);
      for (int j = 0; j < 4; ++j) store(reinterpret_cast<uint32_t*>(buffer + i) + j * kCounters, word[j]);
    }
    for (int64_t i = run; i < stop; i += kBlock) finish(buffer + i);
  }
  return buffer + lead;
}

}  // namespace TFVAE_ABI
}  // namespace tfvae
