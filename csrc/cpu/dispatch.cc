#include "cpu/dispatch.h"

#include <cstdlib>
#include <vector>

namespace tfvae::cpu {
namespace {

// Best first.
std::vector<const Kernels*> available() {
  std::vector<const Kernels*> here;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    here.push_back(&kernels_avx512());
  }
  if (avx2) here.push_back(&kernels_avx2());
#endif
  here.push_back(&kernels_portable());
  return here;
}

Choice choose() {
  const std::vector<const Kernels*> here = available();
  const char* wanted = std::getenv("TFVAE_ISA");
  if (wanted == nullptr || *wanted == '\0') return {here.front(), {}};
  std::string names;
  for (const Kernels* kernels : here) {
    if (std::string(wanted) == kernels->name) return {kernels, {}};
    names += (names.empty() ? "" : ", ") + std::string(kernels->name);
  }
  return {nullptr,
          "TFVAE_ISA: got '" + std::string(wanted) + "', expected one that this processor has: " + names + "."};
}

}  // namespace

const Choice& chosen() {
  static const Choice choice = choose();
  return choice;
}

std::string isa() { return chosen().kernels != nullptr ? chosen().kernels->name : ""; }

Status isa_error() { return chosen().error; }

}  // namespace tfvae::cpu
