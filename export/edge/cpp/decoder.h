// A decoder file of an exported version: draws z from a seed, decodes means of p(x|z), converts them to user units.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "prior.h"
#include "scaling.h"

namespace tfvae::edge {

using Rows = std::vector<float>;

class Decoder {
 public:
  // Reads `folder`/decoder.json and `folder`/`file`. Like all members, throws std::runtime_error with a message.
  Decoder(const std::string& folder, const std::string& file);
  ~Decoder();

  // The sizes of z, x and y for one example; that of y is 0 if the model has no condition.
  size_t latent_size() const { return latent_size_; }
  size_t event_size() const { return event_size_; }
  size_t condition_size() const { return names_.size(); }

  // The condition of n examples, [n, condition_size]. `text` is empty for a model without one; else it is a label, by
  // name or number, or a file of float32: condition_size numbers, or n rows of them.
  Rows condition(const std::string& text, size_t n) const;

  // Draws from the prior, [n, latent_size]; row i is the z of sample i.
  Rows prior_sample(size_t n, uint64_t seed, const Rows& y = {});

  // Means of p(x|z) in model units, [n, event_size], for z [n, latent_size].
  Rows decode(const Rows& z, const Rows& y = {});

  // Converts model units to the user's units, [n, event_size]; rounded if those are integers.
  std::vector<double> user_units(const Rows& means) const { return scaling_->to_user_units(means); }

 private:
  struct Compiled;

  size_t latent_size_ = 1, event_size_ = 1, noise_size_ = 1;
  bool labels_ = false;
  std::vector<std::string> names_;  // of the condition
  std::unique_ptr<Prior> prior_;    // null: the signature `prior` computes z
  std::unique_ptr<Scaling> scaling_;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace tfvae::edge
