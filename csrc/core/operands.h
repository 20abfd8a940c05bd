// The operands that the op and its gradient share: the inputs of both TensorFlow ops and the operands of both FFI
// calls, in this order. The gradient then takes those of d_z, d_kl and d_log_q that the loss uses, and returns the
// gradients of the first four operands, in the same order.
#pragma once

#include <array>

#include "core/latent.h"

namespace tfvae {

enum Operand { kZMean, kZLogVar, kPriorMean, kPriorScale, kKey, kCounter, kFirstExample, kOperandCount };

inline constexpr int kFirstUpstream = kOperandCount;

// kNarrow is the dtype of z_mean, kWide is `Wide` of latent.h.
enum class OperandType { kNarrow, kWide, kUint64, kInt64 };

struct OperandSpec {
  const char* name;
  OperandType type;
  const char* description;
};

inline constexpr OperandSpec kOperands[kOperandCount] = {
    {"z_mean", OperandType::kNarrow, "`[batch, ...]`, of rank at least 2."},
    {"z_log_var", OperandType::kNarrow, "As z_mean."},
    {"prior_mean", OperandType::kWide, "`[latent]`; `[0]` for the standard prior."},
    {"prior_scale", OperandType::kWide,
     "Standard deviations `[latent]`, or a lower triangular `[latent, latent]`; `[0]` for the standard prior."},
    {"key", OperandType::kUint64, "`[1]`, the seed."},
    {"counter", OperandType::kUint64, "`[2]`, low and high word of the counter at which the noise begins."},
    {"first_example", OperandType::kInt64, "Index of the first example in the global batch or data set."},
};

// The address of the elements of each operand.
using Addresses = std::array<const void*, kOperandCount>;

inline void set_addresses(const Addresses& addresses, Problem* problem) {
  problem->mean = addresses[kZMean];
  problem->log_var = addresses[kZLogVar];
  problem->prior_mean = addresses[kPriorMean];
  problem->prior_scale = addresses[kPriorScale];
  problem->key = static_cast<const uint64_t*>(addresses[kKey]);
  problem->counter = static_cast<const uint64_t*>(addresses[kCounter]);
  problem->first_example = static_cast<const int64_t*>(addresses[kFirstExample]);
}

}  // namespace tfvae
