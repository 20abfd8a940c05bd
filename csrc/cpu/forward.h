// The forward pass of one tile, in a few loops over scratch arrays that stay in the first-level cache.
#pragma once

#include "cpu/tile.h"

namespace tfvae {
inline namespace TFVAE_ABI {

template <class W>
TFVAE_HD Vector<W> splat(double x) {
  return Lane<Vector<W>>::splat(static_cast<W>(x));
}

// scale = exp(log_var / 2), kl = KL to N(0, 1) of each element.
template <class W>
void standard_terms(const W* mean, const W* log_var, int64_t n, W* scale, W* kl) {
  for_vectors<W>(n, [=](int64_t i, auto access) {
    const auto p = posterior(access.load(log_var + i));
    access.store(scale + i, p.scale);
    access.store(kl + i, kl_of_standard(access.load(mean + i), p.excess));
  });
}

// The same with the prior's weights; `y` holds the whitened mean, and expm1 is kept for the KL per dimension.
template <class W>
void weighted_terms(const cpu::PriorView<W>& prior, const W* log_var, const W* y, int64_t n, int64_t d, W* scale, W* kl,
                    W* expm1) {
  using L = Lane<Vector<W>>;
  for (int64_t row = 0; row < n; row += d) {
    for_vectors<W>(d, [=](int64_t i, auto access) {
      const auto v = access.load(log_var + row + i);
      const auto p = posterior(v);
      auto twice = access.load(prior.weight_minus_1 + i) * v;
      twice = L::fma(access.load(prior.weight + i), p.excess, twice);
      const auto shift = access.load(y + row + i);
      twice = L::fma(shift, shift, twice);
      access.store(scale + row + i, p.scale);
      access.store(expm1 + row + i, p.expm1);
      access.store(kl + row + i, L::fma(twice, splat<W>(0.5), access.load(prior.constant + i)));
    });
  }
}

// Diagonal prior: y = (mean - m) / scale.
template <class W>
void standardised(const cpu::PriorView<W>& prior, const W* mean, int64_t n, int64_t d, W* y) {
  for (int64_t row = 0; row < n; row += d) {
    for_vectors<W>(d, [=](int64_t i, auto access) {
      access.store(y + row + i,
                   (access.load(mean + row + i) - access.load(prior.mean + i)) * access.load(prior.inverse + i));
    });
  }
}

template <class T, class W>
class Forward {
 public:
  Forward(const Problem& problem, const Outputs& outputs, const cpu::PriorView<W>& prior, const cpu::Tiling& tiling,
          void* memory)
      : problem_(problem), outputs_(outputs), prior_(prior) {
    Scratch<W> scratch(memory, tiling);
    mean_ = scratch.array();
    log_var_ = scratch.array();
    scale_ = scratch.array();
    kl_ = scratch.array();
    noise_ = scratch.array();
    z_ = scratch.array();
    y_ = scratch.array();
    expm1_ = scratch.array();
    work_ = scratch.array();
  }

  void operator()(const Tile& tile) const {
    const W* mean = input<T>(problem_.mean, tile.offset, tile.n, mean_);
    const W* log_var = input<T>(problem_.log_var, tile.offset, tile.n, log_var_);
    W* kl = problem_.per_dimension ? static_cast<W*>(outputs_.kl) + tile.offset : kl_;
    if (problem_.prior == Prior::kStandard && problem_.samples == 1 && outputs_.log_q == nullptr) {
      everyday(tile, mean, log_var, kl);
    } else {
      terms(tile, mean, log_var, kl);
      for (int64_t k = 0; k < problem_.samples; ++k) draw(tile, k, mean, log_var);
    }
    if (!problem_.per_dimension) add_sums(tile, kl, static_cast<W*>(outputs_.kl));
  }

 private:
  void terms(const Tile& tile, const W* mean, const W* log_var, W* kl) const {
    const int64_t n = tile.n, d = problem_.latent;
    if (problem_.prior == Prior::kStandard) {
      standard_terms(mean, log_var, n, scale_, kl);
      return;
    }
    if (problem_.prior == Prior::kDiagonal) {
      standardised(prior_, mean, n, d, y_);
    } else {
      whitened(prior_, mean, n, d, work_, y_);
    }
    weighted_terms(prior_, log_var, y_, n, d, scale_, kl, expm1_);
    if (prior_.squares != nullptr) {
      multiply(expm1_, n / d, d, prior_.squares_transposed, prior_.stride, Triangle::kUpper, work_);
      const W* spread = work_;
      for_vectors<W>(n, [=](int64_t i, auto access) {
        access.store(kl + i, access.load(kl + i) + splat<W>(0.5) * access.load(spread + i));
      });
    }
  }

  // One sample under the standard prior: the same operations in one loop.
  void everyday(const Tile& tile, const W* mean, const W* log_var, W* kl) const {
    const W* noise = noise_of(tile, 0, tile.offset);
    W* z = output<T>(outputs_.z, tile.offset, z_);
    for_vectors<W>(tile.n, [=](int64_t i, auto access) {
      const auto p = posterior(access.load(log_var + i));
      const auto centre = access.load(mean + i);
      access.store(kl + i, kl_of_standard(centre, p.excess));
      access.store(z + i, Lane<Vector<W>>::fma(p.scale, access.load(noise + i), centre));
    });
    flush<T>(z, tile.n, outputs_.z, tile.offset);
  }

  // The noise of sample k, whose z is at `offset`. This is pure arithmetic, so it also prefetches the next tile.
  const W* noise_of(const Tile& tile, int64_t k, int64_t offset) const {
    prefetch_next<T>(problem_.mean, tile.offset, tile.n);
    prefetch_next<T>(problem_.log_var, tile.offset, tile.n);
    prefetch_next<T, 1>(outputs_.z, offset, tile.n);
    return fill(stream_of(problem_, k), position_of(problem_, tile), tile.n, noise_);
  }

  void draw(const Tile& tile, int64_t k, const W* mean, const W* log_var) const {
    const int64_t offset = k * problem_.batch * problem_.width + tile.offset;
    const W* noise = noise_of(tile, k, offset);
    const W* scale = scale_;
    W* z = output<T>(outputs_.z, offset, z_);
    for_vectors<W>(tile.n, [=](int64_t i, auto access) {
      access.store(z + i, Lane<Vector<W>>::fma(access.load(scale + i), access.load(noise + i), access.load(mean + i)));
    });
    flush<T>(z, tile.n, outputs_.z, offset);
    if (outputs_.log_q == nullptr) return;
    W* density = work_;
    for_vectors<W>(tile.n, [=](int64_t i, auto access) {
      const auto e = access.load(noise + i);
      const auto twice = Lane<Vector<W>>::fma(e, e, access.load(log_var + i) + splat<W>(1.8378770664093453));
      access.store(density + i, splat<W>(-0.5) * twice);
    });
    add_sums(tile, density, static_cast<W*>(outputs_.log_q) + k * problem_.batch);
  }

  const Problem& problem_;
  const Outputs& outputs_;
  const cpu::PriorView<W>& prior_;
  W *mean_, *log_var_, *scale_, *kl_, *noise_, *z_, *y_, *expm1_, *work_;
};

}  // namespace TFVAE_ABI
}  // namespace tfvae
