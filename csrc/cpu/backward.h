// The backward pass of one tile: recomputes the noise and the intermediate values, since the forward pass stores none.
#pragma once

#include "cpu/forward.h"

namespace tfvae {
inline namespace TFVAE_ABI {

template <class T, class W>
class Backward {
 public:
  Backward(const Problem& problem, const Upstream& upstream, const Gradients& gradients, const cpu::PriorView<W>& prior,
           const cpu::PriorSums<W>& sums, const cpu::Tiling& tiling, void* memory)
      : problem_(problem), upstream_(upstream), gradients_(gradients), prior_(prior), sums_(sums) {
    Scratch<W> scratch(memory, tiling);
    mean_ = scratch.array();
    log_var_ = scratch.array();
    scale_ = scratch.array();
    expm1_ = scratch.array();
    noise_ = scratch.array();
    upstream_z_ = scratch.array();
    g_ = scratch.array();
    d_mean_ = scratch.array();
    d_log_var_ = scratch.array();
    y_ = scratch.array();
    u_ = scratch.array();
    work_ = scratch.array();
    spread_ = scratch.array();
  }

  void operator()(const Tile& tile) const {
    const W* mean = input<T>(problem_.mean, tile.offset, tile.n, mean_);
    const W* log_var = input<T>(problem_.log_var, tile.offset, tile.n, log_var_);
    W* d_mean = output<T>(gradients_.mean, tile.offset, d_mean_);
    W* d_log_var = output<T>(gradients_.log_var, tile.offset, d_log_var_);
    if (problem_.prior == Prior::kStandard && problem_.samples == 1 && upstream_.z != nullptr &&
        upstream_.kl != nullptr && upstream_.log_q == nullptr) {
      everyday(tile, mean, log_var, d_mean, d_log_var);
    } else {
      scales(log_var, tile.n);
      from_kl(tile, mean, d_mean, d_log_var);
      from_log_q(tile, d_log_var);
      for (int64_t k = 0; upstream_.z != nullptr && k < problem_.samples; ++k) from_z(tile, k, d_mean, d_log_var);
    }
    flush<T>(d_mean, tile.n, gradients_.mean, tile.offset);
    flush<T>(d_log_var, tile.n, gradients_.log_var, tile.offset);
  }

 private:
  // One sample under the standard prior, with upstreams of z and kl: the same operations in one loop.
  void everyday(const Tile& tile, const W* mean, const W* log_var, W* d_mean, W* d_log_var) const {
    const W *noise = noise_of(tile, 0, tile.offset), *d_z = input<T>(upstream_.z, tile.offset, tile.n, upstream_z_);
    const W* g = spread_upstream(tile);
    for_vectors<W>(tile.n, [=](int64_t i, auto access) {
      const auto p = posterior(access.load(log_var + i));
      const auto of_kl = access.load(g + i), of_z = access.load(d_z + i);
      access.store(d_mean + i, of_kl * access.load(mean + i) + of_z);
      const auto half = splat<W>(0.5) * p.scale * access.load(noise + i);
      access.store(d_log_var + i, Lane<Vector<W>>::fma(of_z, half, splat<W>(0.5) * of_kl * p.expm1));
    });
  }

  // The noise of sample k, whose upstream is at `offset`. This is pure arithmetic, so it also prefetches the memory of
  // the next tile.
  const W* noise_of(const Tile& tile, int64_t k, int64_t offset) const {
    prefetch_next<T>(problem_.mean, tile.offset, tile.n);
    prefetch_next<T>(problem_.log_var, tile.offset, tile.n);
    prefetch_next<T>(upstream_.z, offset, tile.n);
    return fill(stream_of(problem_, k), position_of(problem_, tile), tile.n, noise_);
  }

  void scales(const W* log_var, int64_t n) const {
    W *scale = scale_, *expm1 = expm1_;
    for_vectors<W>(n, [=](int64_t i, auto access) {
      const auto p = posterior(access.load(log_var + i));
      access.store(scale + i, p.scale);
      access.store(expm1 + i, p.expm1);
    });
  }

  // The upstream gradient of each element's KL.
  const W* spread_upstream(const Tile& tile) const {
    const W* of_kl = static_cast<const W*>(upstream_.kl);
    if (problem_.per_dimension) return of_kl + tile.offset;
    const int64_t width = tile.width();
    W* g = g_;
    for (int64_t e = 0; e < tile.examples; ++e) {
      const auto value = Lane<Vector<W>>::splat(of_kl[tile.example + e]);
      for_vectors<W>(width, [=](int64_t i, auto access) { access.store(g + e * width + i, value); });
    }
    return g;
  }

  void from_kl(const Tile& tile, const W* mean, W* d_mean, W* d_log_var) const {
    const int64_t n = tile.n, d = problem_.latent;
    const W* expm1 = expm1_;
    if (upstream_.kl == nullptr) {
      for_vectors<W>(n, [=](int64_t i, auto access) {
        access.store(d_mean + i, Vector<W>{});
        access.store(d_log_var + i, Vector<W>{});
      });
      return;
    }
    const W* g = spread_upstream(tile);
    if (problem_.prior == Prior::kStandard) {
      for_vectors<W>(n, [=](int64_t i, auto access) {
        const auto upstream = access.load(g + i);
        access.store(d_mean + i, upstream * access.load(mean + i));
        access.store(d_log_var + i, splat<W>(0.5) * upstream * access.load(expm1 + i));
      });
      return;
    }
    const W* u = problem_.prior == Prior::kDiagonal ? diagonal_shift(mean, g, n, d) : correlated_shift(mean, g, n, d);
    const W* below = nullptr;  // sum over i > j of g_i A_ij^2
    if (prior_.squares != nullptr) {
      multiply(g, n / d, d, prior_.squares, prior_.stride, Triangle::kLower, work_);
      below = work_;
    }
    log_var_terms(u, g, below, n, d, d_mean, d_log_var);
    if (sums_.mean != nullptr) prior_sums(u, g, n, d);
  }

  // u = g y / scale, and y.
  const W* diagonal_shift(const W* mean, const W* g, int64_t n, int64_t d) const {
    standardised(prior_, mean, n, d, y_);
    W *u = u_, *y = y_;
    for (int64_t row = 0; row < n; row += d) {
      for_vectors<W>(d, [=](int64_t i, auto access) {
        access.store(u + row + i,
                     access.load(g + row + i) * access.load(y + row + i) * access.load(prior_.inverse + i));
      });
    }
    return u;
  }

  // u = A^T (g y), and y.
  const W* correlated_shift(const W* mean, const W* g, int64_t n, int64_t d) const {
    whitened(prior_, mean, n, d, work_, y_);
    W *work = work_, *y = y_;
    for_vectors<W>(n, [=](int64_t i, auto access) {
      access.store(work + i, access.load(g + i) * access.load(y + i));
    });
    multiply(work, n / d, d, prior_.factor, prior_.stride, Triangle::kLower, u_);
    return u_;
  }

  void log_var_terms(const W* u, const W* g, const W* below, int64_t n, int64_t d, W* d_mean, W* d_log_var) const {
    using L = Lane<Vector<W>>;
    const W* expm1 = expm1_;
    for (int64_t row = 0; row < n; row += d) {
      for_vectors<W>(d, [=](int64_t i, auto access) {
        const auto upstream = access.load(g + row + i);
        const auto weight = access.load(prior_.weight + i), less_1 = access.load(prior_.weight_minus_1 + i);
        const auto extra = below != nullptr ? access.load(below + row + i) : Vector<W>{};
        const auto x = access.load(expm1 + row + i);
        const auto total = L::fma(weight, upstream, extra);
        const auto twice = L::fma(x, total, L::fma(less_1, upstream, extra));
        access.store(d_log_var + row + i, splat<W>(0.5) * twice);
        access.store(d_mean + row + i, access.load(u + row + i));
      });
    }
  }

  void prior_sums(const W* u, const W* g, int64_t n, int64_t d) const {
    using L = Lane<Vector<W>>;
    const int64_t rows = n / d;
    W* spread = spread_;
    const W *expm1 = expm1_, *y = y_;
    add_columns(u, rows, d, W(-1), sums_.mean);
    if (problem_.prior == Prior::kDiagonal) {
      // d/d scale = -g / scale (weight expm1 + (weight - 1) + y^2)
      for (int64_t row = 0; row < n; row += d) {
        for_vectors<W>(d, [=](int64_t i, auto access) {
          const auto shift = access.load(y + row + i);
          auto total = L::fma(shift, shift, access.load(prior_.weight_minus_1 + i));
          total = L::fma(access.load(prior_.weight + i), access.load(expm1 + row + i), total);
          access.store(spread + row + i, access.load(g + row + i) * access.load(prior_.inverse + i) * total);
        });
      }
      add_columns(static_cast<const W*>(spread), rows, d, W(-1), sums_.scale);
      return;
    }
    add_outer_products(u, y, rows, d, W(-1), sums_.scale, sums_.stride);
    add_columns(g, rows, d, W(1), sums_.weights);
    if (problem_.per_dimension) {
      for_vectors<W>(n, [=](int64_t i, auto access) {
        access.store(spread + i, access.load(expm1 + i) + splat<W>(1));
      });
      add_outer_products(g, static_cast<const W*>(spread), rows, d, W(1), sums_.spread, sums_.stride);
    } else {
      for_vectors<W>(n, [=](int64_t i, auto access) {
        const auto upstream = access.load(g + i);
        access.store(spread + i, L::fma(upstream, access.load(expm1 + i), upstream));
      });
      add_columns(static_cast<const W*>(spread), rows, d, W(1), sums_.spread);
    }
  }

  void from_log_q(const Tile& tile, W* d_log_var) const {
    if (upstream_.log_q == nullptr) return;
    const W* of_log_q = static_cast<const W*>(upstream_.log_q);
    const int64_t width = tile.width();
    for (int64_t e = 0; e < tile.examples; ++e) {
      W total = 0;
      for (int64_t k = 0; k < problem_.samples; ++k) total += of_log_q[k * problem_.batch + tile.example + e];
      W* row = d_log_var + e * width;
      const auto half = Lane<Vector<W>>::splat(W(0.5) * total);
      for_vectors<W>(width, [=](int64_t i, auto access) { access.store(row + i, access.load(row + i) - half); });
    }
  }

  void from_z(const Tile& tile, int64_t k, W* d_mean, W* d_log_var) const {
    const int64_t offset = k * problem_.batch * problem_.width + tile.offset;
    const W* noise = noise_of(tile, k, offset);
    const W* d_z = input<T>(upstream_.z, offset, tile.n, upstream_z_);
    const W* scale = scale_;
    for_vectors<W>(tile.n, [=](int64_t i, auto access) {
      const auto upstream = access.load(d_z + i);
      const auto half = splat<W>(0.5) * access.load(scale + i) * access.load(noise + i);
      access.store(d_mean + i, access.load(d_mean + i) + upstream);
      access.store(d_log_var + i, Lane<Vector<W>>::fma(upstream, half, access.load(d_log_var + i)));
    });
  }

  const Problem& problem_;
  const Upstream& upstream_;
  const Gradients& gradients_;
  const cpu::PriorView<W>& prior_;
  const cpu::PriorSums<W>& sums_;
  W *mean_, *log_var_, *scale_, *expm1_, *noise_, *upstream_z_, *g_, *d_mean_, *d_log_var_, *y_, *u_, *work_, *spread_;
};

}  // namespace TFVAE_ABI
}  // namespace tfvae
