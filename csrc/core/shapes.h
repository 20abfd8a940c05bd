// The checks that every adapter makes, once: shapes in, extents out, or a sentence.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/operands.h"

namespace tfvae {

using Shape = std::vector<int64_t>;

std::string to_string(const Shape& shape);

// The shape that an operand must have beside a z_mean of shape `mean`, which has rank 2 at least.
Shape operand_shape(Operand operand, const Shape& mean, Prior prior);

// Fills batch, width, latent and samples of `problem`, whose prior and dtype are set. Takes the shapes in the order of
// Operand and checks them as far as prior_scale; those of the noise may be missing.
Status set_extents(const std::vector<Shape>& shapes, int64_t samples, Problem* problem);

// As set_extents, and checks the shapes of key, counter and first_example too.
Status check_operands(const std::vector<Shape>& shapes, int64_t samples, Problem* problem);

// [samples, batch, …], and [batch] or [batch, …], and [samples, batch].
Shape z_shape(const Shape& mean, int64_t samples);
Shape kl_shape(const Shape& mean, bool per_dimension);
Shape log_q_shape(const Shape& mean, int64_t samples);

// That an input has the shape it must have, else a sentence naming it.
Status expect_shape(const char* name, const Shape& came, const Shape& wanted);

// "standard", "diagonal", "cholesky".
Status parse_prior(const std::string& name, Prior* prior);

}  // namespace tfvae
