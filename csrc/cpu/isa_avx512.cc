#define TFVAE_ABI avx512
#include "cpu/isa.h"

namespace tfvae::cpu {

const Kernels& kernels_avx512() {
  static const Kernels kernels = kernels_named("avx512");
  return kernels;
}

}  // namespace tfvae::cpu
