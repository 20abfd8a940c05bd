// The checks shared by all adapters: shapes in, extents out, or an error sentence.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/operands.h"

namespace tfvae {

using Shape = std::vector<int64_t>;

std::string to_string(const Shape& shape);

// The shape that an operand must have for a z_mean of shape `mean`, which has rank at least 2.
Shape operand_shape(Operand operand, const Shape& mean, Prior prior);

// Fills batch, width, latent and samples of `problem`, whose prior and dtype are set. Reads the shapes in the order of
// Operand and checks those up to prior_scale; those of the noise may be missing.
Status set_extents(const std::vector<Shape>& shapes, int64_t samples, Problem* problem);

// Like set_extents, but also checks the shapes of key, counter and first_example.
Status check_operands(const std::vector<Shape>& shapes, int64_t samples, Problem* problem);

// [samples, batch, …], and [batch] or [batch, …], and [samples, batch].
Shape z_shape(const Shape& mean, int64_t samples);
Shape kl_shape(const Shape& mean, bool per_dimension);
Shape log_q_shape(const Shape& mean, int64_t samples);

// Checks the shape of an input; the error names the input.
Status expect_shape(const char* name, const Shape& came, const Shape& wanted);

// "standard", "diagonal", "cholesky".
Status parse_prior(const std::string& name, Prior* prior);

}  // namespace tfvae
