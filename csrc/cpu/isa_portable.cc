// The baseline of the architecture: SSE2 on x86-64, NEON on aarch64.
#define TFVAE_ABI portable
#include "cpu/isa.h"

namespace tfvae::cpu {

const Kernels& kernels_portable() {
#if defined(__aarch64__)
  static const Kernels kernels = kernels_named("neon");
#else
  static const Kernels kernels = kernels_named("portable");
#endif
  return kernels;
}

}  // namespace tfvae::cpu
