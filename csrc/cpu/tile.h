// One tile: n consecutive elements (whole examples, or a segment of one), and its scratch arrays.
#pragma once

#include "core/gaussian.h"
#include "cpu/convert.h"
#include "cpu/kernels.h"
#include "cpu/loops.h"
#include "cpu/noise.h"
#include "cpu/whiten.h"

namespace tfvae {
inline namespace TFVAE_ABI {

struct Tile {
  int64_t example;   // the first
  int64_t examples;  // 1 for a segment
  int64_t offset;    // of the first element in [batch, width]
  int64_t n;
  bool begins;  // the first or only segment of its example

  int64_t width() const { return n / examples; }
};

// Calls work(tile) for each tile of the units [begin, end).
template <class Work>
void for_tiles(const Problem& problem, const cpu::Tiling& tiling, int64_t begin, int64_t end, Work work) {
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t example = unit * tiling.examples, left = problem.batch - example;
    const int64_t examples = left < tiling.examples ? left : tiling.examples;
    if (examples * problem.width <= tiling.tile) {
      work(Tile{example, examples, example * problem.width, examples * problem.width, true});
      continue;
    }
    for (int64_t at = 0; at < problem.width; at += tiling.tile) {
      const int64_t rest = problem.width - at;
      work(Tile{example, 1, example * problem.width + at, rest < tiling.tile ? rest : tiling.tile, at == 0});
    }
  }
}

// Prefetches the part of an array that the next tile uses, while this one computes. It is only a hint: past the end of
// the array it does nothing.
template <class T, int kWrite = 0>
void prefetch_next(const void* base, int64_t offset, int64_t n) {
  constexpr int64_t kLine = 64;
  if (base == nullptr) return;
  const char* next = static_cast<const char*>(base) + (offset + n) * static_cast<int64_t>(sizeof(T));
  for (int64_t byte = 0; byte < n * static_cast<int64_t>(sizeof(T)); byte += kLine) {
    __builtin_prefetch(next + byte, kWrite, 3);
  }
}

// Hands out arrays of a tile's length from one block of memory; cpu::scratch_bytes counts them.
template <class W>
class Scratch {
 public:
  Scratch(void* memory, const cpu::Tiling& tiling)
      : next_(static_cast<W*>(memory)), stride_((tiling.tile + 2 * cpu::kPadding + 63) / 64 * 64) {
    static_assert(kNoiseMargin <= 2 * cpu::kPadding, "the noise of a tile must fit into an array");
  }
  W* array() {
    W* here = next_;
    next_ += stride_;
    return here;
  }

 private:
  W* next_;
  int64_t stride_;
};

// Start of the noise of sample k.
inline Stream stream_of(const Problem& problem, int64_t k) {
  return {*problem.key, problem.counter[0], problem.counter[1] + static_cast<uint64_t>(k)};
}

inline uint64_t position_of(const Problem& problem, const Tile& tile) {
  return static_cast<uint64_t>(*problem.first_example) * static_cast<uint64_t>(problem.width) +
         static_cast<uint64_t>(tile.offset);
}

// y = A (mean - m) of each row of the tile.
template <class W>
void whitened(const cpu::PriorView<W>& prior, const W* mean, int64_t n, int64_t d, W* centred, W* y) {
  for (int64_t row = 0; row < n; row += d) {
    for_vectors<W>(d, [=](int64_t i, auto access) {
      access.store(centred + row + i, access.load(mean + row + i) - access.load(prior.mean + i));
    });
  }
  multiply(centred, n / d, d, prior.factor_transposed, prior.stride, Triangle::kUpper, y);
}

// Adds the sum of each example's part of `x` to the result (or stores it, at the beginning of an example).
template <class W>
void add_sums(const Tile& tile, const W* x, W* out) {
  const int64_t width = tile.width();
  for (int64_t e = 0; e < tile.examples; ++e) {
    const W total = sum(x + e * width, width);
    out[tile.example + e] = tile.begins ? total : out[tile.example + e] + total;
  }
}

}  // namespace TFVAE_ABI
}  // namespace tfvae
