// The functions of log_var that the op needs: the scale of the posterior and the terms of its KL, computed without the
// cancellation of exp(v) - 1 - v near log_var = 0.
#pragma once

#include "core/normal.h"

namespace tfvae {
inline namespace TFVAE_ABI {

template <class F>
struct Posterior {
  F scale;   // exp(log_var / 2)
  F expm1;   // exp(log_var) - 1
  F excess;  // exp(log_var) - 1 - log_var
};

template <class F>
TFVAE_HD Posterior<F> posterior(F log_var) {
  using L = Lane<F>;
  using A = Approximation<typename L::Scalar>;
  const F low = L::splat(A::kExpLow), high = L::splat(A::kExpHigh);
  const F exact_half = L::splat(0.5f) * log_var;
  F half = exact_half < low ? low : exact_half;  // NaN passes both comparisons
  half = half > high ? high : half;
  const ReducedExp<F> e = reduced_exp(half);
  const F p = e.r + e.square;
  const F scale = scale_by_power(L::splat(1) + p, e.power);
  const F variance = scale * scale;
  // If the exponent is zero, r is log_var / 2: expm1(2 r) = p^2 + 2 p, and p - r = square.
  const auto small = e.power == L::splat(0);
  const F squared = p * p;
  const F expm1 = small ? squared + (p + p) : variance - L::splat(1);
  const F excess = small ? squared + (e.square + e.square) : (variance - L::splat(1)) - log_var;
  return {scale, expm1, excess};
}

// KL(N(mean, exp(log_var)) || N(0, 1)) of one element, in nats.
template <class F>
TFVAE_HD F kl_of_standard(F mean, F excess) {
  return Lane<F>::splat(0.5f) * Lane<F>::fma(mean, mean, excess);
}

}  // namespace TFVAE_ABI
}  // namespace tfvae
