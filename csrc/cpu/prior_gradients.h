// The gradients of the prior: sums over parts of the batch, combined in double and in the order of the parts.
#pragma once

#include <vector>

#include "cpu/kernels.h"

namespace tfvae::cpu {

template <class W>
class PriorGradients {
 public:
  // The parts depend only on the shape, so that no sum depends on the number of threads.
  PriorGradients(const Problem& problem, int64_t units);

  int64_t parts() const { return parts_; }
  int64_t units_of_part() const { return units_of_part_; }
  PriorSums<W> of_part(int64_t part);

  // d_mean [latent], d_scale as the prior's scale. `inverse` is A = L^-1, empty for the diagonal prior.
  void finish(const std::vector<double>& inverse, const Kernels& kernels, const ParallelFor& parallel, W* d_mean,
              W* d_scale);

 private:
  std::vector<double> add_parts() const;
  void through_inverse(const std::vector<double>& inverse, const Kernels& kernels, const ParallelFor& parallel,
                       std::vector<double>* total) const;

  bool cholesky_, per_dimension_;
  int64_t latent_, stride_;
  int64_t spread_, weights_, size_;  // where a part's arrays begin: mean, scale, spread, weights; and its length
  int64_t parts_, units_of_part_;
  std::vector<W> sums_;
};

}  // namespace tfvae::cpu
