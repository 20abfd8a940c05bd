// XLA's own thread pool as a ParallelFor: TensorFlow's pool under its jit, JAX's pool in JAX.
#pragma once

#include "cpu/launch.h"
#include "xla/ffi/api/ffi.h"

namespace tfvae::ffi {

cpu::ParallelFor with_pool(const xla::ffi::ThreadPool& pool);

}  // namespace tfvae::ffi
