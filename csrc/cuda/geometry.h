// How the work is split, as plain arithmetic that the host can test. Nothing here depends on the device: the order of
// every sum follows from the extents of the problem.
#pragma once

#include <cstdint>

#include "core/lane.h"

namespace tfvae::cuda {

constexpr int kWarp = 32;
constexpr int kBlock = 256;

// A thread owns groups of four elements of an example. If the width is a multiple of four, they are the four outputs of
// one counter.
constexpr int kGroup = 4;

TFVAE_HD int64_t ceil_div(int64_t n, int64_t size) { return (n + size - 1) / size; }

// The number of threads per example: a power of two up to a warp, or a whole block for a wide example. Eight threads
// read 128 adjacent bytes; more are used only if each has at least four groups, to amortise the work per row.
inline int team_size(int64_t width) {
  const int64_t groups = ceil_div(width, kGroup);
  if (groups > 4 * kBlock) return kBlock;
  int team = 1;
  while (team < 8 && team < groups) team *= 2;
  while (team < kWarp && groups >= 8 * team) team *= 2;
  return team;
}

// The number of blocks for a loop over `items`, `per_block` at a time; the loop covers items beyond the grid.
inline int64_t grid_size(int64_t items, int64_t per_block, int64_t most) {
  const int64_t blocks = ceil_div(items, per_block);
  return blocks < most ? blocks : most;
}

// The latent dimension of element i of an example: spatial latents repeat the prior at every position.
TFVAE_HD int64_t column_of(int64_t element, int64_t latent, int64_t width) {
  return latent == width ? element : element % latent;
}

// A sum over many rows is split into parts; one block sums each part, and the parts are then added in order.
struct Parts {
  int64_t count, length;
};

inline Parts parts_of(int64_t rows, int64_t least_length, int64_t most_parts) {
  int64_t count = ceil_div(rows, least_length);
  count = count < most_parts ? count : most_parts;
  count = count > 1 ? count : 1;
  return {count, ceil_div(rows, count)};
}

constexpr int kTile = 64;  // of a matrix product: kTile x kTile results a block, kDepth terms at a time
constexpr int kDepth = 16;

// For column sums, and for products of [rows, latent] matrices with each other.
inline Parts column_parts(int64_t rows) { return parts_of(rows, 512, 256); }

inline Parts product_parts(int64_t rows, int64_t latent) {
  const int64_t tiles = ceil_div(latent, kTile) * ceil_div(latent, kTile);
  return parts_of(rows, 512, tiles < 256 ? 256 / tiles : 1);
}

}  // namespace tfvae::cuda
