// Constants and polynomials of elementary.h; make_approximation.py prints the polynomials and their errors.
#pragma once

#include "core/lane.h"

namespace tfvae {
inline namespace TFVAE_ABI {

template <class F, class... Rest>
TFVAE_HD F polynomial(F x, typename Lane<F>::Scalar first, Rest... rest) {
  if constexpr (sizeof...(rest) == 0) {
    return Lane<F>::splat(first);
  } else {
    return Lane<F>::fma(x, polynomial(x, rest...), Lane<F>::splat(first));
  }
}

template <class Scalar>
struct Approximation;

template <>
struct Approximation<float> {
  static constexpr int kMantissaBits = 23, kSignShift = 30;
  static constexpr uint32_t kExponentField = 0xFF800000u;
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
  static constexpr float kRound = 12582912.0f;
  static constexpr float kSqrtHalf = 0.707106781f;
  static constexpr float kLog2E = 1.44269504f;
  // High and low parts: an integer times the high part is exact or fused, and the low part holds the remainder.
  static constexpr float kLog2High = 0.693145752f, kLog2Low = 1.42860677e-6f;
  static constexpr float kTwoOverPi = 0.636619772f;
  static constexpr float kHalfPiHigh = 1.57080078f, kHalfPiLow = -4.45445494e-6f;
  // exp overflows and underflows within these bounds, and the steps of scale_by_power stay in range.
  static constexpr float kExpLow = -150.0f, kExpHigh = 90.0f;

  template <class F>
  static TFVAE_HD F exp_tail(F r) {
    return polynomial(r, 0.500000000f, 0.166665767f, 0.0416665542f, 0.00836323288f, 0.00139262508f);
  }
  template <class F>
  static TFVAE_HD F log_tail(F f) {
    return polynomial(f, 0.333333307f, -0.250003064f, 0.200010451f, -0.166412815f, 0.142144959f, -0.129981838f,
                      0.126223198f, -0.0790274377f);
  }
  template <class F>
  static TFVAE_HD F sin_tail(F s) {
    return polynomial(s, -0.166666647f, 0.00833274594f, -0.000195873871f);
  }
  template <class F>
  static TFVAE_HD F cos_tail(F s) {
    return polynomial(s, 0.0416666646f, -0.00138883007f, 2.45474372e-5f);
  }
};

template <>
struct Approximation<double> {
  static constexpr int kMantissaBits = 52, kSignShift = 62;
  static constexpr uint64_t kExponentField = 0xFFF0000000000000u;
  static constexpr double kRound = 6755399441055744.0;
  static constexpr double kSqrtHalf = 0.70710678118654752;
  static constexpr double kLog2E = 1.4426950408889634;
  static constexpr double kLog2High = 0.69314718060195446, kLog2Low = -4.2009150726810846e-11;
  static constexpr double kTwoOverPi = 0.63661977236758134;
  static constexpr double kHalfPiHigh = 1.5707963267341256, kHalfPiLow = 6.0771005065061922e-11;
  static constexpr double kExpLow = -1100.0, kExpHigh = 720.0;

  template <class F>
  static TFVAE_HD F exp_tail(F r) {
    return polynomial(r, 0.50000000000000000, 0.16666666666666671, 0.041666666666666670, 0.0083333333333260831,
                      0.0013888888888883711, 0.00019841269875002279, 2.4801587325677462e-5, 2.7557255170000887e-6,
                      2.7557273478718580e-7, 2.5105312729622102e-8, 2.0914755325893202e-9);
  }
  template <class F>
  static TFVAE_HD F log_tail(F f) {
    return polynomial(f, 0.33333333333333337, -0.24999999999999930, 0.19999999999993224, -0.16666666666697305,
                      0.14285714287591738, -0.12499999997109267, 0.11111110909841072, -0.099999999963172702,
                      0.090909198759982015, -0.083333450564132036, 0.076919881201337496, -0.071422320491584705,
                      0.066719855552712918, -0.062650318695180637, 0.058370183514649991, -0.053682803880505484,
                      0.053718778906647801, -0.061295619807279059, 0.056664232420521799, -0.025061228095282464);
  }
  template <class F>
  static TFVAE_HD F sin_tail(F s) {
    return polynomial(s, -0.16666666666666665, 0.0083333333333309246, -0.00019841269836722418, 2.7557316083816359e-6,
                      -2.5051127944014188e-8, 1.5917848524808261e-10);
  }
  template <class F>
  static TFVAE_HD F cos_tail(F s) {
    return polynomial(s, 0.041666666666666665, -0.0013888888888887382, 2.4801587298743069e-5, -2.7557317260008838e-7,
                      2.0876143827993132e-9, -1.1382456778061306e-11);
  }
};

}  // namespace TFVAE_ABI
}  // namespace tfvae
