// exp, log, sin and cos as branch-free polynomials, so that they vectorise and agree on every processor.
#pragma once

#include "core/approximation.h"

namespace tfvae {
inline namespace TFVAE_ABI {

// exp(x) = 2^exponent * (1 + r + r^2 q).
template <class F>
struct ReducedExp {
  F r;       // |r| <= log(2) / 2
  F square;  // r^2 q = exp(r) - 1 - r, with no loss of precision near r = 0
  F power;   // the exponent as a number
};

template <class F>
TFVAE_HD ReducedExp<F> reduced_exp(F x) {
  using L = Lane<F>;
  using A = Approximation<typename L::Scalar>;
  const F shifted = L::fma(x, L::splat(A::kLog2E), L::splat(A::kRound));
  const F power = shifted - L::splat(A::kRound);
  F r = L::fma(-power, L::splat(A::kLog2High), x);
  r = L::fma(-power, L::splat(A::kLog2Low), r);
  return {r, r * r * A::exp_tail(r), power};
}

// x 2^power for a power within twice the exponent range: in two steps, because 2^power itself may overflow.
template <class F>
TFVAE_HD F scale_by_power(F x, F power) {
  using L = Lane<F>;
  using A = Approximation<typename L::Scalar>;
  // The low bits of `shifted` are an integer; moved into the exponent field, they multiply by a power of two.
  const F shifted = L::fma(power, L::splat(0.5f), L::splat(A::kRound));
  const F half = shifted - L::splat(A::kRound);
  const F rest = (power - half) + L::splat(A::kRound);
  const auto first = (L::bits(shifted) << A::kMantissaBits) + L::bits(L::splat(1));
  const auto second = (L::bits(rest) << A::kMantissaBits) + L::bits(L::splat(1));
  return x * L::from_bits(first) * L::from_bits(second);
}

// log(x) for normal positive x.
template <class F>
TFVAE_HD F log_of_normal(F x) {
  using L = Lane<F>;
  using A = Approximation<typename L::Scalar>;
  const auto offset = L::bits(x) - L::bits(L::splat(A::kSqrtHalf));
  // Shifted as a signed number, because x below sqrt(1/2) has a negative exponent.
  const F exponent = L::exponent_of(offset);
  const auto field = offset & A::kExponentField;
  const F f = L::from_bits(L::bits(x) - field) - L::splat(1);
  const F square = f * f;
  F tail = L::fma(square * f, A::log_tail(f), L::splat(-0.5f) * square);
  tail = L::fma(exponent, L::splat(A::kLog2Low), tail);
  return L::fma(exponent, L::splat(A::kLog2High), f + tail);
}

// sin and cos of x in [0, 2 pi].
template <class F>
TFVAE_HD void sin_cos(F x, F* sine, F* cosine) {
  using L = Lane<F>;
  using A = Approximation<typename L::Scalar>;
  const F shifted = L::fma(x, L::splat(A::kTwoOverPi), L::splat(A::kRound));
  const F turns = shifted - L::splat(A::kRound);
  const auto quadrant = L::bits(shifted);
  F r = L::fma(-turns, L::splat(A::kHalfPiHigh), x);
  r = L::fma(-turns, L::splat(A::kHalfPiLow), r);
  const F s = r * r;
  const F sine_of_r = L::fma(r * s, A::sin_tail(s), r);
  const F cosine_of_r = L::fma(s * s, A::cos_tail(s), L::fma(s, L::splat(-0.5f), L::splat(1)));
  const auto odd = (quadrant & 1) != 0;
  const F first = odd ? cosine_of_r : sine_of_r;
  const F second = odd ? sine_of_r : cosine_of_r;
  const auto sine_sign = (quadrant & 2) << A::kSignShift;
  const auto cosine_sign = ((quadrant + 1) & 2) << A::kSignShift;
  *sine = L::from_bits(L::bits(first) ^ sine_sign);
  *cosine = L::from_bits(L::bits(second) ^ cosine_sign);
}

}  // namespace TFVAE_ABI
}  // namespace tfvae
