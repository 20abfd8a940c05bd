#include "python/capsules.h"

#include "ffi/handlers.h"

namespace tfvae::python {
namespace {

pybind11::dict targets(XLA_FFI_Handler* forward, XLA_FFI_Handler* gradient) {
  pybind11::dict found;
  found[ffi::kForward] = pybind11::capsule(reinterpret_cast<void*>(forward));
  found[ffi::kGradient] = pybind11::capsule(reinterpret_cast<void*>(gradient));
  return found;
}

}  // namespace

pybind11::dict ffi_handlers() {
  pybind11::dict platforms;
  platforms["Host"] = targets(tfvae_sample_and_kl_host, tfvae_sample_and_kl_grad_host);
#if TFVAE_CUDA
  platforms["CUDA"] = targets(tfvae_sample_and_kl_cuda, tfvae_sample_and_kl_grad_cuda);
#endif
  return platforms;
}

}  // namespace tfvae::python
