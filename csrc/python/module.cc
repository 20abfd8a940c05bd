// _tfvae_kernels: the latent op for NumPy, for arrays on a GPU, and for JAX. It does not depend on TensorFlow.
#include "cpu/launch.h"
#include "python/capsules.h"
#include "python/op.h"

namespace tfvae::python {
namespace {

constexpr char kModule[] = R"(The fused latent op without TensorFlow.

    z = z_mean + exp(z_log_var / 2) * eps        kl = KL(N(z_mean, diag exp(z_log_var)) || prior), in nats

Arrays are NumPy arrays of float16, bfloat16 (of ml_dtypes), float32 or float64 or, in a build with CUDA, any objects
with __cuda_array_interface__; all arrays of a call are on the same device. The prior, KL and log q are float64 for
float64 inputs and float32 otherwise. The noise has an address: it depends only on key, counter and the index of the
example, so the same call gives the same z whatever the batch, the shard or the number of threads.
)";

constexpr char kForward[] = R"(Draws z and computes the KL.

Args:
  z_mean: [batch, ...], of rank at least 2; the last axis is the latent axis, over which the prior is defined.
  z_log_var: shape and dtype of z_mean.
  key: the seed, an integer in [0, 2^64).
  counter: two integers in [0, 2^64): the base of the 128-bit counter, low word first. Sample k uses (low, high + k).
  first_example: index of the first example of z_mean in the whole batch or data set.
  samples: K, 1 to 65536.
  prior_mean: [latent]; None: zero mean and unit scale, N(0, I).
  prior_scale: standard deviations [latent], or a lower triangular factor L [latent, latent] for N(m, L L^T).
  per_dimension: return the terms of the KL instead of their sum.
  log_q: also return the log density of each sample.
  threads: on the CPU; 0: all cores.
  stream: on a GPU, the CUDA stream as an integer; None: the default stream.

Returns:
  z [samples, batch, ...], kl [batch] (or [batch, ...] per dimension) in nats, log q(z|x) [samples, batch] in nats or
  None. On a GPU, DeviceArrays whose work may still be running on the stream.

Raises:
  ValueError, TypeError: an input has an invalid shape, type or value; the message names it.
)";

constexpr char kGradient[] = R"(Gradients of a loss through sample_and_kl; the noise is redrawn, and nothing is stored.

Args:
  d_z, d_kl, d_log_q: the gradients of the loss with respect to the outputs, in their shapes and types; None: the loss
    does not use that output.
  prior_gradient: also return the gradients with respect to prior_mean and prior_scale.
  All others: as they were given to sample_and_kl.

Returns:
  Gradients with respect to z_mean, z_log_var, and prior_mean and prior_scale (or None, None).
)";

py::dict build_facts() {
  py::dict facts;
#if TFVAE_CUDA
  facts["cuda"] = TFVAE_CUDA_VERSION;
#else
  facts["cuda"] = py::none();
#endif
  facts["compiler"] = __VERSION__;
  return facts;
}

std::string isa() {
  require(cpu::isa_error());
  return cpu::isa();
}

}  // namespace
}  // namespace tfvae::python

PYBIND11_MODULE(_tfvae_kernels, module) {
  using namespace tfvae::python;
  using py::arg;
  const py::object none = py::none();
  const py::kw_only only;
  module.doc() = kModule;

  module.def(
      "sample_and_kl",
      [](py::object z_mean, py::object z_log_var, py::object key, py::object counter, py::object first_example,
         int64_t samples, py::object prior_mean, py::object prior_scale, bool per_dimension, bool log_q, int threads,
         py::object stream) {
        return sample_and_kl({z_mean, z_log_var, key, counter, first_example, samples, prior_mean, prior_scale,
                              per_dimension, threads, stream},
                             log_q);
      },
      kForward, arg("z_mean"), arg("z_log_var"), only, arg("key"), arg("counter"), arg("first_example") = 0,
      arg("samples") = 1, arg("prior_mean") = none, arg("prior_scale") = none, arg("per_dimension") = false,
      arg("log_q") = false, arg("threads") = 0, arg("stream") = none);

  module.def(
      "sample_and_kl_grad",
      [](py::object z_mean, py::object z_log_var, py::object key, py::object counter, py::object first_example,
         int64_t samples, py::object prior_mean, py::object prior_scale, bool per_dimension, int threads,
         py::object stream, py::object d_z, py::object d_kl, py::object d_log_q, bool prior_gradient) {
        return sample_and_kl_grad({z_mean, z_log_var, key, counter, first_example, samples, prior_mean, prior_scale,
                                   per_dimension, threads, stream},
                                  {d_z, d_kl, d_log_q}, prior_gradient);
      },
      kGradient, arg("z_mean"), arg("z_log_var"), only, arg("key"), arg("counter"), arg("first_example") = 0,
      arg("samples") = 1, arg("prior_mean") = none, arg("prior_scale") = none, arg("per_dimension") = false,
      arg("threads") = 0, arg("stream") = none, arg("d_z") = none, arg("d_kl") = none, arg("d_log_q") = none,
      arg("prior_gradient") = false);

  module.def("words", words, "n uint32 words of Philox4x32-10 at (key, counter), from position `first` on.",
             arg("key"), arg("counter"), arg("n"), arg("first") = 0);
  module.def("normals", normals, "n standard normals of the same stream; dtype float32 or float64.", arg("key"),
             arg("counter"), arg("n"), arg("dtype") = "float32", arg("first") = 0);
  module.def("isa", isa, "The instruction set in use; TFVAE_ISA in the environment forces one.");
  module.def("build_facts", build_facts, "What this module was built with: cuda (a version or None) and compiler.");
  module.def("ffi_handlers", ffi_handlers,
             "XLA FFI handlers, {platform: {target: capsule}}, for jax.ffi.register_ffi_target.");
#if TFVAE_CUDA
  define_device_array(module);
#endif
}
