// The latent op as plain pointers and extents: adapters fill these structs, and launchers read them.
//
//   z[k, b, i] = mean[b, i] + exp(log_var[b, i] / 2) * eps[k, b, i]        eps as docs/noise.md, version 1
//   kl[b]      = KL(N(mean, diag exp(log_var)) || prior), in nats
//   log_q[k, b] = log q(z[k, b] | x), in nats, from eps
//
// `width` is the number of elements of one example, `latent` the last axis, over which the prior is defined; a spatial
// latent has width / latent positions, each with the same prior.
#pragma once

#include <cstdint>
#include <string>

namespace tfvae {

enum class DType { kHalf, kBFloat16, kFloat, kDouble };
enum class Prior { kStandard, kDiagonal, kCholesky };

// Empty: no error. Else one sentence: the input, what was passed and what was expected.
using Status = std::string;

// `Wide` below is double for kDouble and float otherwise: the type of the arithmetic, of the prior and of the KL.
struct Problem {
  DType dtype = DType::kFloat;
  Prior prior = Prior::kStandard;
  bool per_dimension = false;
  int64_t batch = 0, width = 0, latent = 0, samples = 1;

  // Noise: element i of example e of sample k uses the counter (counter[0] + p div 4, counter[1] + k), lane p mod 4,
  // p = (first_example + e) * width + i. The pointers, like those of the data, are in the memory of the device.
  const uint64_t* key = nullptr;           // [1]
  const uint64_t* counter = nullptr;       // [2], low word first
  const int64_t* first_example = nullptr;  // [1]

  const void* mean = nullptr;         // [batch, width], dtype
  const void* log_var = nullptr;      // [batch, width], dtype
  const void* prior_mean = nullptr;   // [latent], Wide; null for the standard prior
  const void* prior_scale = nullptr;  // [latent] or lower triangular [latent, latent], Wide; null for the standard prior
};

struct Outputs {
  void* z = nullptr;      // [samples, batch, width], dtype
  void* kl = nullptr;     // [batch], or [batch, width] per dimension, Wide
  void* log_q = nullptr;  // [samples, batch], Wide; null: not computed
};

// Gradients of a loss with respect to the outputs; null: the loss does not use that output.
struct Upstream {
  const void* z = nullptr;      // [samples, batch, width], dtype
  const void* kl = nullptr;     // as Outputs::kl, Wide
  const void* log_q = nullptr;  // [samples, batch], Wide
};

struct Gradients {
  void* mean = nullptr;         // [batch, width], dtype
  void* log_var = nullptr;      // [batch, width], dtype
  void* prior_mean = nullptr;   // [latent], Wide; null: not computed
  void* prior_scale = nullptr;  // as Problem::prior_scale, zero above the diagonal; null: not computed
};

}  // namespace tfvae
