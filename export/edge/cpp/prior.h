// A Gaussian prior of decoder.json: z = m + L eps over the last axis, at one position or at each position of a grid.
#pragma once

#include <cstddef>
#include <vector>

#include "json.h"

namespace tfvae::edge {

class Prior {
 public:
  // Reads the object `prior`.
  explicit Prior(const Json& prior) : mean_(prior["mean"].numbers()), scale_tril_(prior["scale_tril"].numbers()) {}

  // z for noise eps of the same size, which is a multiple of the latent size.
  std::vector<float> from_noise(const std::vector<float>& eps) const {
    const size_t latent = mean_.size();
    std::vector<float> z(eps.size());
    for (size_t place = 0; place + latent <= eps.size(); place += latent) {
      const double* row = scale_tril_.data();
      for (size_t i = 0; i < latent; ++i) {
        double sum = mean_[i];
        for (size_t j = 0; j <= i; ++j) sum += row[j] * static_cast<double>(eps[place + j]);
        z[place + i] = static_cast<float>(sum);
        row += i + 1;
      }
    }
    return z;
  }

 private:
  std::vector<double> mean_, scale_tril_;  // the rows of the lower triangle, one after the other
};

}  // namespace tfvae::edge
