// The two functions of the op: converts Python arguments for the launchers, and results back.
#pragma once

#include "python/memory.h"

namespace tfvae::python {

struct Inputs {
  py::object z_mean, z_log_var, key, counter, first_example;
  int64_t samples;
  py::object prior_mean, prior_scale;
  bool per_dimension;
  int threads;
  py::object stream;
};

struct UpstreamInputs {
  py::object z, kl, log_q;
};

// (z, kl, log_q or None).
py::tuple sample_and_kl(const Inputs& inputs, bool log_q);

// (d_z_mean, d_z_log_var, d_prior_mean or None, d_prior_scale or None).
py::tuple sample_and_kl_grad(const Inputs& inputs, const UpstreamInputs& upstream, bool prior_gradient);

// The words of Philox at (key, counter), from position `first` on, and the normals computed from them.
py::object words(const py::object& key, const py::object& counter, int64_t n, int64_t first);
py::object normals(const py::object& key, const py::object& counter, int64_t n, const py::object& dtype,
                   int64_t first);

}  // namespace tfvae::python
