// A decoder file of an exported version: z from a seed, the mean of p(x|z), and the user's units.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tfvae::edge {

class Decoder {
 public:
  // Reads `folder`/decoder.json and `folder`/`file`. Throws std::runtime_error, with a sentence, as all members do.
  Decoder(const std::string& folder, const std::string& file);
  ~Decoder();

  size_t latent_dim() const { return mean_.size(); }
  size_t event_size() const { return event_size_; }

  // Draws from the prior, [n, latent_dim]: row i is z of sample i of the seed.
  std::vector<float> prior_sample(size_t n, uint64_t seed) const;

  // Means of p(x|z) in model units, [n, event_size], for z [n, latent_dim].
  std::vector<float> decode(const std::vector<float>& z);

  // Model units as the user's, [n, event_size]: whole numbers where those are whole numbers.
  std::vector<double> user_units(const std::vector<float>& means) const;

 private:
  struct Compiled;

  std::vector<double> mean_, scale_tril_;  // of the prior; the rows of the lower triangle, one after the other
  size_t event_size_ = 1;
  std::string scaling_kind_;
  bool integer_ = false;
  std::vector<double> offset_, factor_;  // one number, or event_size
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace tfvae::edge
