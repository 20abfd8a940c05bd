// Loops over arrays, one vector at a time, and sums in an order that depends only on the length.
#pragma once

#include "cpu/vector.h"

namespace tfvae {
inline namespace TFVAE_ABI {

// How a loop body accesses memory: a whole vector, or the first `count` numbers of one.
template <class W>
struct Whole {
  static TFVAE_HD Vector<W> load(const W* from) { return tfvae::load<Vector<W>>(from); }
  static TFVAE_HD void store(W* to, Vector<W> x) { tfvae::store(to, x); }
};

template <class W>
struct First {
  int64_t count;
  TFVAE_HD Vector<W> load(const W* from) const {
    Vector<W> x{};
    for (int64_t i = 0; i < count; ++i) x[i] = from[i];
    return x;
  }
  TFVAE_HD void store(W* to, Vector<W> x) const {
    for (int64_t i = 0; i < count; ++i) to[i] = x[i];
  }
};

// body(i, access) for i = 0, lanes, 2 lanes …
template <class W, class Body>
TFVAE_HD void for_vectors(int64_t n, Body body) {
  int64_t i = 0;
  for (; i + kLanes<W> <= n; i += kLanes<W>) body(i, Whole<W>{});
  if (i < n) body(i, First<W>{n - i});
}

// Sixty-four bytes of partial sums on every instruction set, then a fixed tree, then the remaining elements in order.
template <class W>
TFVAE_HD W sum(const W* x, int64_t n) {
  constexpr int64_t kPartial = 64 / sizeof(W), kParts = kPartial / kLanes<W>;
  W total = 0;
  int64_t i = 0;
  if (n >= kPartial) {
    Vector<W> part[kParts] = {};
    for (; i + kPartial <= n; i += kPartial) {
      for (int64_t p = 0; p < kParts; ++p) part[p] += load<Vector<W>>(x + i + p * kLanes<W>);
    }
    W flat[kPartial];
    for (int64_t p = 0; p < kParts; ++p) store(flat + p * kLanes<W>, part[p]);
    for (int64_t half = kPartial / 2; half > 0; half /= 2) {
      for (int64_t j = 0; j < half; ++j) flat[j] += flat[j + half];
    }
    total = flat[0];
  }
  for (; i < n; ++i) total += x[i];
  return total;
}

}  // namespace TFVAE_ABI
}  // namespace tfvae
