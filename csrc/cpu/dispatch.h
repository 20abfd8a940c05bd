// Which instruction set runs: the best that this processor has, or the one that TFVAE_ISA names.
#pragma once

#include "cpu/kernels.h"

namespace tfvae::cpu {

const Kernels& kernels_portable();
#if defined(__x86_64__)
const Kernels& kernels_avx2();
const Kernels& kernels_avx512();
#endif

// Null if TFVAE_ISA names an instruction set that is not available; `error` then holds the message.
struct Choice {
  const Kernels* kernels = nullptr;
  Status error;
};
const Choice& chosen();

}  // namespace tfvae::cpu
