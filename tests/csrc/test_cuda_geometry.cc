// How csrc/cuda splits the work: every element, row and term exactly once, depending only on the extents.
#include "check.h"
#include "cuda/geometry.h"

#include <vector>

namespace tfvae::cuda {
namespace {

using test::context;

void teams() {
  int before = 0;
  for (int64_t width = 0; width < 5000; ++width) {
    context() = "width " + std::to_string(width);
    const int team = team_size(width);
    CHECK_EQ(team > 0 && (team & (team - 1)) == 0, true);
    CHECK_EQ(team <= kWarp || team == kBlock, true);
    CHECK_EQ(team >= before, true);
    before = team;
    // As in the kernels, thread `lane` of the team takes groups lane, lane + team, …
    std::vector<int> owners(static_cast<size_t>(width), 0);
    const int64_t groups = ceil_div(width, kGroup);
    for (int lane = 0; lane < team; ++lane) {
      for (int64_t group = lane; group < groups; group += team) {
        for (int64_t i = group * kGroup; i < group * kGroup + kGroup && i < width; ++i) ++owners[i];
      }
    }
    for (const int count : owners) CHECK_EQ(count, 1);
  }
  context() = "";
  CHECK_EQ(team_size(1), 1);
  CHECK_EQ(team_size(20), 8);
  CHECK_EQ(team_size(128), 8);
  CHECK_EQ(team_size(512), kWarp);
  CHECK_EQ(team_size(int64_t{1} << 40), kBlock);
}

void blocks() {
  CHECK_EQ(grid_size(0, 8, 100), 0);
  CHECK_EQ(grid_size(17, 8, 100), 3);
  CHECK_EQ(grid_size(int64_t{1} << 40, 8, 100), 100);
}

void columns() {
  CHECK_EQ(column_of(7, 9, 9), 7);
  CHECK_EQ(column_of(7, 3, 9), 1);
  CHECK_EQ(column_of((int64_t{1} << 33) + 5, 4, int64_t{1} << 34), 1);
}

void parts() {
  for (const int64_t rows : {0, 1, 511, 512, 513, 1025, 100000, 131072, 131073, 9000001}) {
    for (const int64_t latent : {1, 64, 65, 200, 1024}) {
      context() = std::to_string(rows) + " rows of " + std::to_string(latent);
      for (const Parts p : {column_parts(rows), product_parts(rows, latent)}) {
        CHECK_EQ(p.count >= 1 && p.count <= 256, true);
        CHECK_EQ(p.count * p.length >= rows, true);
        CHECK_EQ(rows == 0 || (p.count - 1) * p.length <= rows, true);
      }
      // One result is stored per part.
      CHECK_EQ(product_parts(rows, latent).count * latent * latent <= 256 * kTile * kTile * 2 + latent * latent, true);
    }
  }
}

}  // namespace
}  // namespace tfvae::cuda

int main() {
  tfvae::cuda::teams();
  tfvae::cuda::blocks();
  tfvae::cuda::columns();
  tfvae::cuda::parts();
  return tfvae::test::done("test_cuda_geometry");
}
