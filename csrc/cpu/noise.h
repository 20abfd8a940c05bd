// Noise in blocks: as many counters at once as a vector has lanes, four values each.
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
// What a buffer must hold beyond its n values: those before the first in its group of four, and a block's rest.
constexpr int64_t kNoiseMargin = kBlock + 4;

// Which counter of the block each 32-bit position of a vector takes: transposing within 128 bits then leaves every row
// contiguous in the stream, and no shuffle across lanes is needed.
TFVAE_HD constexpr int64_t counter_at(int64_t position) {
  return kCounters / 4 * (position % 4) + position / 4;
}

// The words of kCounters counters from c0 on; word[i] holds word i of counter_at(position) at each position.
TFVAE_HD void block_of_words(const Stream& s, uint64_t c0, UInt32V word[4]) {
  UInt64V even{}, odd{};
  for (int64_t i = 0; i < kCounters / 2; ++i) {
    even[i] = counter_at(2 * i);
    odd[i] = counter_at(2 * i + 1);
  }
  even += c0;
  odd += c0;
  using L = WordLane<UInt64V>;
  const UInt64V c1_low = L::splat(static_cast<uint32_t>(s.c1)), c1_high = L::splat(static_cast<uint32_t>(s.c1 >> 32));
  const auto key_low = static_cast<uint32_t>(s.key), key_high = static_cast<uint32_t>(s.key >> 32);
  const Words<UInt64V> a = philox(even, even >> 32, c1_low, c1_high, key_low, key_high);
  const Words<UInt64V> b = philox(odd, odd >> 32, c1_low, c1_high, key_low, key_high);
  for (int i = 0; i < 4; ++i) {
    word[i] = reinterpret_cast<UInt32V>((a.w[i] & 0xFFFFFFFFu) | (b.w[i] << 32));
  }
}

TFVAE_HD void block_of_words(const Stream& s, uint64_t c0, uint32_t* out) {
  UInt32V word[4];
  FloatV row[4];
  block_of_words(s, c0, word);
  const auto as_float = [](UInt32V w) { return reinterpret_cast<FloatV>(w); };
  transpose(as_float(word[0]), as_float(word[1]), as_float(word[2]), as_float(word[3]), row);
  for (int i = 0; i < 4; ++i) store(out + i * kCounters, row[i]);
}

// kBlock normals as four vectors.
TFVAE_HD void block_of_normals(const Stream& s, uint64_t c0, FloatV row[4]) {
  UInt32V word[4];
  FloatV normal[4];
  block_of_words(s, c0, word);
  for (int i = 0; i < 4; i += 2) {
    box_muller(bounded_unit<FloatV>(word[i]), angle<FloatV>(word[i + 1]), &normal[i], &normal[i + 1]);
  }
  transpose(normal[0], normal[1], normal[2], normal[3], row);
}

TFVAE_HD void block_of_normals(const Stream& s, uint64_t c0, float* out) {
  FloatV row[4];
  block_of_normals(s, c0, row);
  for (int i = 0; i < 4; ++i) store(out + i * kCounters, row[i]);
}

// float64: the transform in float64, of the float32 uniform and the float32 angle.
TFVAE_HD void block_of_normals(const Stream& s, uint64_t c0, double* out) {
  UInt32V word[4];
  block_of_words(s, c0, word);
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
        double* group = out + 4 * counter_at(begin + j);
        group[i] = first[j];
        group[i + 1] = second[j];
      }
    }
  }
}

inline void fill_block(const Stream& s, uint64_t c0, uint32_t* out) { block_of_words(s, c0, out); }
inline void fill_block(const Stream& s, uint64_t c0, float* out) { block_of_normals(s, c0, out); }
inline void fill_block(const Stream& s, uint64_t c0, double* out) { block_of_normals(s, c0, out); }

// The n values from position p on, somewhere in `buffer` of n + kNoiseMargin: gives where.
template <class Value>
const Value* fill(const Stream& s, uint64_t p, int64_t n, Value* buffer) {
  const int64_t lead = static_cast<int64_t>(p & 3);
  const uint64_t first = s.c0 + (p >> 2);
  for (int64_t i = 0; i < n + lead; i += kBlock) {
    fill_block(s, first + static_cast<uint64_t>(i / 4), buffer + i);
  }
  return buffer + lead;
}

}  // namespace TFVAE_ABI
}  // namespace tfvae
