// XLA's own pool of threads as a ParallelFor: the pool of TensorFlow inside its jit, that of JAX inside JAX.
#pragma once

#include "cpu/launch.h"
#include "xla/ffi/api/ffi.h"

namespace tfvae::ffi {

cpu::ParallelFor with_pool(const xla::ffi::ThreadPool& pool);

}  // namespace tfvae::ffi
