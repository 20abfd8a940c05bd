// Which instruction set runs: the best that this processor has, or the one that TFVAE_ISA names.
#pragma once

#include "cpu/kernels.h"

namespace tfvae::cpu {

const Kernels& kernels_portable();
#if defined(__x86_64__)
const Kernels& kernels_avx2();
const Kernels& kernels_avx512();
#endif

// Null where TFVAE_ISA names none that is here; `error` says so.
struct Choice {
  const Kernels* kernels = nullptr;
  Status error;
};
const Choice& chosen();

}  // namespace tfvae::cpu
