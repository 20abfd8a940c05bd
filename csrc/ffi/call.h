// Converts the operands, results and attributes of an FFI call to launcher arguments, with checks; for every platform.
#pragma once

#include "core/latent.h"
#include "core/shapes.h"
#include "xla/ffi/api/ffi.h"

namespace tfvae::ffi {

struct Forward {
  Problem problem;
  Outputs outputs;
};

struct Gradient {
  Problem problem;
  Upstream upstream;
  Gradients gradients;
};

Status read_forward(const xla::ffi::RemainingArgs& operands, const xla::ffi::RemainingRets& results,
                    const xla::ffi::Dictionary& attributes, Forward* call);

Status read_gradient(const xla::ffi::RemainingArgs& operands, const xla::ffi::RemainingRets& results,
                     const xla::ffi::Dictionary& attributes, Gradient* call);

inline xla::ffi::Error to_error(const Status& status) {
  return status.empty() ? xla::ffi::Error::Success() : xla::ffi::Error::InvalidArgument(status);
}

}  // namespace tfvae::ffi
