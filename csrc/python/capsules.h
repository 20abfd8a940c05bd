// The FFI handlers as capsules, for jax.ffi.register_ffi_target.
#pragma once

#include <pybind11/pybind11.h>

namespace tfvae::python {

// {platform: {target: capsule}}.
pybind11::dict ffi_handlers();

}  // namespace tfvae::python
