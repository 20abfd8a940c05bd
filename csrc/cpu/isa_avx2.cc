#define TFVAE_ABI avx2
#include "cpu/isa.h"

namespace tfvae::cpu {

const Kernels& kernels_avx2() {
  static const Kernels kernels = kernels_named("avx2");
  return kernels;
}

}  // namespace tfvae::cpu
