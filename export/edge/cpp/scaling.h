// The scaling of decoder.json: from model units to the user's units.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "json.h"

namespace tfvae::edge {

class Scaling {
 public:
  // Reads the object `scaling`.
  explicit Scaling(const Json& scaling)
      : kind_(scaling["kind"].text()),
        integer_(scaling["integer"].truth()),
        offset_(scaling["offset"].numbers()),
        factor_(scaling["factor"].numbers()) {}

  // x * factor + offset, for rows of examples; rounded if the user's units are integers.
  std::vector<double> to_user_units(const std::vector<float>& means) const {
    std::vector<double> x(means.begin(), means.end());
    for (size_t i = 0; i < x.size(); ++i) {
      const double factor = factor_[i % factor_.size()], offset = offset_[i % offset_.size()];
      if (kind_ != "none") x[i] = x[i] * factor + offset;
      // nearbyint rounds halves to even, as NumPy does.
      if (integer_) x[i] = std::clamp(std::nearbyint(x[i]), 0.0, kind_ == "unit" ? factor : 255.0);
    }
    return x;
  }

 private:
  std::string kind_;
  bool integer_;
  std::vector<double> offset_, factor_;  // one number, or one for each value of an example
};

}  // namespace tfvae::edge
