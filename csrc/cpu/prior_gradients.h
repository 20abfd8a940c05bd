// The gradients of the prior: sums over parts of the batch, put together in the order of the parts.
#pragma once

#include <vector>

#include "cpu/kernels.h"

namespace tfvae::cpu {

class PriorGradients {
 public:
  // The parts follow from the shape alone, so that no sum depends on the number of threads.
  PriorGradients(const Problem& problem, int64_t units);

  int64_t parts() const { return parts_; }
  int64_t units_of_part() const { return units_of_part_; }
  PriorSums of_part(int64_t part);

  // d_mean [latent], d_scale as the prior's scale. `inverse` is A = L^-1, empty for the diagonal prior.
  template <class W>
  void finish(const std::vector<double>& inverse, const Kernels& kernels, const ParallelFor& parallel, W* d_mean,
              W* d_scale);

 private:
  void add_parts();
  void through_inverse(const std::vector<double>& inverse, const Kernels& kernels, const ParallelFor& parallel);

  bool cholesky_, per_dimension_;
  int64_t latent_, scale_size_, spread_size_, size_, parts_, units_of_part_;
  std::vector<double> sums_;  // [parts, size]: mean, scale, spread, weights
};

}  // namespace tfvae::cpu
