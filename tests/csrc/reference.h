// The latent op written from its specification, one number at a time in long double: the reference for the launchers.
// It shares no code with csrc, and uses one form for all three priors: L = I, L = diag(scale), or L itself.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "core/latent.h"

namespace tfvae::test {

using Real = long double;
using Values = std::vector<Real>;

// Inputs as numbers that are exact in `dtype` (the prior's in its wide type).
struct Case {
  DType dtype = DType::kFloat;
  Prior prior = Prior::kStandard;
  bool per_dimension = false;
  int64_t batch = 1, positions = 1, latent = 1, samples = 1;
  uint64_t key = 42;
  uint64_t counter[2] = {0, (uint64_t{1} << 56) + (uint64_t{7} << 16)};
  int64_t first_example = 0;
  Values mean, log_var, prior_mean, prior_scale;

  int64_t width() const { return positions * latent; }
};

struct Forward {
  Values z, kl, log_q;
};

// Upstream gradients; empty: absent.
struct Upstreams {
  Values z, kl, log_q;
};

struct Block {
  uint32_t w[4];
};

inline Block philox_4x32_10(Block c, uint32_t key_low, uint32_t key_high) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * c.w[0], b = uint64_t{0xCD9E8D57} * c.w[2];
    c = {{uint32_t(b >> 32) ^ c.w[1] ^ key_low, uint32_t(b), uint32_t(a >> 32) ^ c.w[3] ^ key_high, uint32_t(a)}};
    key_low += 0x9E3779B9;
    key_high += 0xBB67AE85;
  }
  return c;
}

inline Block block_at(const Case& c, uint64_t position, uint64_t sample) {
  const uint64_t low = c.counter[0] + position / 4, high = c.counter[1] + sample;
  return philox_4x32_10({{uint32_t(low), uint32_t(low >> 32), uint32_t(high), uint32_t(high >> 32)}}, uint32_t(c.key),
                        uint32_t(c.key >> 32));
}

// docs/noise.md: the uniform and the angle in float32, then the transform, here in long double.
inline Real normal_at(const Case& c, uint64_t position, uint64_t sample) {
  const Block block = block_at(c, position, sample);
  const int lane = int(position % 4), pair = lane & 2;
  const float unit_a = float(block.w[pair] & 0x7FFFFF) * 0x1p-23f;
  const float unit_b = float(block.w[pair + 1] & 0x7FFFFF) * 0x1p-23f;
  const float angle = float(2 * 3.14159265358979323846) * unit_b;
  const Real radius = std::sqrt(-2 * std::log(Real(unit_a < 1e-7f ? 1e-7f : unit_a)));
  return radius * (lane % 2 ? std::cos(Real(angle)) : std::sin(Real(angle)));
}

// L, [latent, latent].
inline Values factor(const Case& c) {
  if (c.prior == Prior::kCholesky) return c.prior_scale;
  Values factor(c.latent * c.latent, 0);
  for (int64_t i = 0; i < c.latent; ++i) {
    factor[i * c.latent + i] = c.prior == Prior::kDiagonal ? c.prior_scale[i] : 1;
  }
  return factor;
}

inline Values inverse(const Values& lower, int64_t n) {
  Values w(n * n, 0);
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t i = j; i < n; ++i) {
      Real sum = i == j;
      for (int64_t k = j; k < i; ++k) sum -= lower[i * n + k] * w[k * n + j];
      w[i * n + j] = sum / lower[i * n + i];
    }
  }
  return w;
}

// Per dimension: term i = (sum_j W_ij^2 s_j^2 + (W (mean - m))_i^2 - 1) / 2 + log L_ii - log_var_i / 2, W = L^-1.
inline Values kl_terms(const Case& c) {
  const int64_t n = c.latent;
  const Values lower = factor(c), w = inverse(lower, n);
  Values terms(c.batch * c.width());
  for (int64_t row = 0; row < c.batch * c.positions; ++row) {
    for (int64_t i = 0; i < n; ++i) {
      Real spread = 0, shift = 0;
      for (int64_t j = 0; j <= i; ++j) {
        const Real wij = w[i * n + j], m = c.prior == Prior::kStandard ? 0 : c.prior_mean[j];
        spread += wij * wij * std::exp(c.log_var[row * n + j]);
        shift += wij * (c.mean[row * n + j] - m);
      }
      terms[row * n + i] =
          (spread + shift * shift - 1) / 2 + std::log(lower[i * n + i]) - c.log_var[row * n + i] / 2;
    }
  }
  return terms;
}

// eps of every output, [samples, batch, width].
inline Values noise(const Case& c) {
  Values eps;
  for (int64_t k = 0; k < c.samples; ++k) {
    for (int64_t i = 0; i < c.batch * c.width(); ++i) {
      eps.push_back(normal_at(c, uint64_t(c.first_example) * uint64_t(c.width()) + uint64_t(i), uint64_t(k)));
    }
  }
  return eps;
}

inline Forward forward(const Case& c, const Values& eps) {
  const int64_t count = c.batch * c.width();
  Forward out;
  out.log_q.assign(c.samples * c.batch, 0);
  for (int64_t k = 0; k < c.samples; ++k) {
    for (int64_t i = 0; i < count; ++i) {
      const Real e = eps[k * count + i], log_var = c.log_var[i];
      out.z.push_back(c.mean[i] + std::exp(log_var / 2) * e);
      out.log_q[k * c.batch + i / c.width()] -= (e * e + log_var + std::log(2 * std::acos(Real(-1)))) / 2;
    }
  }
  const Values terms = kl_terms(c);
  if (c.per_dimension) {
    out.kl = terms;
  } else {
    out.kl.assign(c.batch, 0);
    for (int64_t i = 0; i < count; ++i) out.kl[i / c.width()] += terms[i];
  }
  return out;
}

// The loss whose gradients with respect to the outputs are `upstream`.
inline Real loss(const Case& c, const Values& eps, const Upstreams& upstream) {
  const Forward out = forward(c, eps);
  Real sum = 0;
  for (size_t i = 0; i < upstream.z.size(); ++i) sum += upstream.z[i] * out.z[i];
  for (size_t i = 0; i < upstream.kl.size(); ++i) sum += upstream.kl[i] * out.kl[i];
  for (size_t i = 0; i < upstream.log_q.size(); ++i) sum += upstream.log_q[i] * out.log_q[i];
  return sum;
}

// d loss / d (*values)[index] by central differences, whose error in long double is about 1e-12 of the loss.
inline Real derivative(Case& c, const Values& eps, const Upstreams& upstream, Real* value) {
  const Real h = 1e-6L, before = *value;
  *value = before + h;
  const Real above = loss(c, eps, upstream);
  *value = before - h;
  const Real below = loss(c, eps, upstream);
  *value = before;
  return (above - below) / (2 * h);
}

}  // namespace tfvae::test
