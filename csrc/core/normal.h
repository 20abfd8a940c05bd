// Uniform and normal noise from words of the generator, according to docs/noise.md, version 1.
#pragma once

#include "core/elementary.h"

namespace tfvae {
inline namespace TFVAE_ABI {

// In [0, 1), from the low 23 bits. F is float or a vector of floats.
template <class F>
TFVAE_HD F unit_interval(typename Lane<F>::Bits word) {
  return Lane<F>::from_bits((word & 0x7FFFFFu) | 0x3F800000u) - Lane<F>::splat(1);
}

// The inputs of the Box-Muller transform: float32 in every precision, so that a float64 run checks a float32 run.
template <class F>
TFVAE_HD F bounded_unit(typename Lane<F>::Bits word) {
  const F u = unit_interval<F>(word);
  const F least = Lane<F>::splat(1e-7f);
  return u > least ? u : least;
}

template <class F>
TFVAE_HD F angle(typename Lane<F>::Bits word) {
  return Lane<F>::splat(6.28318548f) * unit_interval<F>(word);
}

// Two independent normals from u in [1e-7, 1) and v in [0, 2 pi). Box and Muller (1958).
template <class F>
TFVAE_HD void box_muller(F u, F v, F* first, F* second) {
  const F radius = Lane<F>::sqrt(Lane<F>::splat(-2) * log_of_normal(u));
  F sine, cosine;
  sin_cos(v, &sine, &cosine);
  *first = radius * sine;
  *second = radius * cosine;
}

}  // namespace TFVAE_ABI
}  // namespace tfvae
