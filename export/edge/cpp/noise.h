// Words and standard normals at an address, the same as tfvae draws from the same seed: noise version 1, with Philox
// and Box and Muller's transform from csrc/core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/normal.h"
#include "core/philox.h"

namespace tfvae::edge {

struct Address {
  uint64_t seed, purpose;
  uint64_t first_example = 0;
  uint64_t step = 0, sample = 0;
};

constexpr uint64_t kPriorPurpose = 0;

// Calls take(i, word[4], lane) for each element i of `count` examples of `width` elements.
template <class Take>
void for_each_element(const Address& address, size_t count, size_t width, Take take) {
  const RoundKeys<uint32_t> keys(address.seed);
  const uint64_t c1 = (address.purpose << 56) + (address.step << 16) + address.sample;
  const uint64_t begin = address.first_example * width, end = begin + count * width;
  Words<uint32_t> words{};
  for (uint64_t p = begin; p < end; ++p) {
    if (p == begin || p % 4 == 0) {
      const uint64_t c0 = p / 4;
      words = philox(static_cast<uint32_t>(c0), static_cast<uint32_t>(c0 >> 32), static_cast<uint32_t>(c1),
                     static_cast<uint32_t>(c1 >> 32), keys);
    }
    take(static_cast<size_t>(p - begin), words.w, p % 4);
  }
}

inline std::vector<uint32_t> words(const Address& address, size_t count, size_t width) {
  std::vector<uint32_t> out(count * width);
  for_each_element(address, count, width, [&](size_t i, const uint32_t* w, uint64_t lane) { out[i] = w[lane]; });
  return out;
}

// [count, width], row by row.
inline std::vector<float> normals(const Address& address, size_t count, size_t width) {
  std::vector<float> out(count * width);
  for_each_element(address, count, width, [&](size_t i, const uint32_t* w, uint64_t lane) {
    const uint32_t* pair = w + lane / 2 * 2;
    float first, second;
    box_muller(bounded_unit<float>(pair[0]), angle<float>(pair[1]), &first, &second);
    out[i] = lane % 2 == 0 ? first : second;
  });
  return out;
}

}  // namespace tfvae::edge
