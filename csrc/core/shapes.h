// The checks that every adapter makes, once: shapes in, extents out, or a sentence.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/latent.h"

namespace tfvae {

using Shape = std::vector<int64_t>;

std::string to_string(const Shape& shape);

// Fills batch, width, latent and samples of `problem`, whose prior and dtype are set, from the shapes of the inputs.
Status set_extents(const Shape& mean, const Shape& log_var, const Shape& prior_mean, const Shape& prior_scale,
                   int64_t samples, Problem* problem);

// [samples, batch, …], and [batch] or [batch, …], and [samples, batch].
Shape z_shape(const Shape& mean, int64_t samples);
Shape kl_shape(const Shape& mean, bool per_dimension);
Shape log_q_shape(const Shape& mean, int64_t samples);

// That an input has the shape it must have, else a sentence naming it.
Status expect_shape(const char* name, const Shape& came, const Shape& wanted);

// "standard", "diagonal", "cholesky".
Status parse_prior(const std::string& name, Prior* prior);

}  // namespace tfvae
