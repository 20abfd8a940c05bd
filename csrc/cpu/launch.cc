#include "cpu/launch.h"

#include <algorithm>
#include <memory>
#include <new>

#include "cpu/dispatch.h"
#include "cpu/prior_gradients.h"

namespace tfvae::cpu {
namespace {

// Elements per tile, such that its arrays fit in the first-level cache.
constexpr int64_t kTile = 1024;
// Rows that share one pass over the correlated prior's matrix.
constexpr int64_t kRowsOfMatrix = 32;

Tiling cut(const Problem& problem) {
  const int64_t row = problem.prior == Prior::kStandard ? kPadding : problem.latent;
  int64_t tile = std::max(kTile, row);
  if (problem.prior == Prior::kCholesky) tile = std::max(tile, row * kRowsOfMatrix);
  tile = tile / row * row;
  Tiling tiling;
  tiling.examples = std::max<int64_t>(1, tile / problem.width);
  tiling.units = (problem.batch + tiling.examples - 1) / tiling.examples;
  tiling.tile = std::min(tile, tiling.examples * problem.width);
  return tiling;
}

// Estimated cycles of a unit, for schedulers.
int64_t cost_of(const Problem& problem, const Tiling& tiling) {
  const int64_t products = problem.prior == Prior::kCholesky ? problem.latent / 8 : 0;
  return tiling.examples * problem.width * (3 + 3 * problem.samples + products);
}

class Memory {
 public:
  explicit Memory(int64_t bytes) : bytes_(new (std::align_val_t(64)) char[bytes]) {}
  void* get() const { return bytes_.get(); }

 private:
  struct Free {
    void operator()(char* bytes) const { ::operator delete[](bytes, std::align_val_t(64)); }
  };
  std::unique_ptr<char[], Free> bytes_;
};

// With a width of 0 there is nothing to draw, and the KL of each example is an empty sum.
template <class W>
void fill_empty(const Problem& problem, const Outputs& outputs) {
  if (!problem.per_dimension) std::fill_n(static_cast<W*>(outputs.kl), problem.batch, W(0));
  if (outputs.log_q != nullptr) std::fill_n(static_cast<W*>(outputs.log_q), problem.samples * problem.batch, W(0));
}

template <class W>
Status forward(const Problem& problem, const Outputs& outputs, const ParallelFor& parallel) {
  Prepared<W> prior;
  if (Status bad = prior.prepare(problem, *chosen().kernels); !bad.empty()) return bad;
  if (problem.width == 0) fill_empty<W>(problem, outputs);
  if (problem.batch == 0 || problem.width == 0) return {};
  const Tiling tiling = cut(problem);
  parallel(tiling.units, cost_of(problem, tiling), [&](int64_t begin, int64_t end) {
    const Memory scratch(scratch_bytes<W>(tiling));
    chosen().kernels->of<W>().forward(problem, outputs, prior.view(), tiling, begin, end, scratch.get());
  });
  return {};
}

template <class W>
Status backward(const Problem& problem, const Upstream& upstream, const Gradients& gradients,
                const ParallelFor& parallel) {
  Prepared<W> prior;
  if (Status bad = prior.prepare(problem, *chosen().kernels); !bad.empty()) return bad;
  const bool empty = problem.batch == 0 || problem.width == 0;
  const Tiling tiling = empty ? Tiling{} : cut(problem);
  const bool of_prior = problem.prior != Prior::kStandard && gradients.prior_scale != nullptr;
  if (!of_prior) {
    parallel(tiling.units, 2 * cost_of(problem, tiling), [&](int64_t begin, int64_t end) {
      const Memory scratch(scratch_bytes<W>(tiling));
      chosen().kernels->of<W>().backward(problem, upstream, gradients, prior.view(), tiling, begin, end, {},
                                         scratch.get());
    });
    return {};
  }
  PriorGradients<W> sums(problem, tiling.units);
  parallel(sums.parts(), 2 * cost_of(problem, tiling) * sums.units_of_part(), [&](int64_t begin, int64_t end) {
    const Memory scratch(scratch_bytes<W>(tiling));
    for (int64_t part = begin; part < end; ++part) {
      const int64_t first = part * sums.units_of_part();
      const int64_t last = std::min(first + sums.units_of_part(), tiling.units);
      chosen().kernels->of<W>().backward(problem, upstream, gradients, prior.view(), tiling, first, last,
                                         sums.of_part(part), scratch.get());
    }
  });
  sums.finish(prior.inverse_factor(), *chosen().kernels, parallel, static_cast<W*>(gradients.prior_mean),
              static_cast<W*>(gradients.prior_scale));
  return {};
}

// Running out of memory is the only error that can occur inside.
template <class Work>
Status guarded(Work work) {
  if (!isa_error().empty()) return isa_error();
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return "out of memory: the latent op could not allocate scratch memory; use a smaller batch or latent space.";
  }
}

}  // namespace

Status sample_and_kl(const Problem& problem, const Outputs& outputs, const ParallelFor& parallel) {
  return guarded([&] {
    return problem.dtype == DType::kDouble ? forward<double>(problem, outputs, parallel)
                                           : forward<float>(problem, outputs, parallel);
  });
}

Status sample_and_kl_grad(const Problem& problem, const Upstream& upstream, const Gradients& gradients,
                          const ParallelFor& parallel) {
  return guarded([&] {
    return problem.dtype == DType::kDouble ? backward<double>(problem, upstream, gradients, parallel)
                                           : backward<float>(problem, upstream, gradients, parallel);
  });
}

void words(uint64_t key, const uint64_t counter[2], uint64_t first, int64_t n, uint32_t* out) {
  chosen().kernels->words(key, counter, first, n, out);
}

void normals(uint64_t key, const uint64_t counter[2], uint64_t first, int64_t n, float* out) {
  chosen().kernels->normals(key, counter, first, n, out);
}

void normals(uint64_t key, const uint64_t counter[2], uint64_t first, int64_t n, double* out) {
  chosen().kernels->wide_normals(key, counter, first, n, out);
}

}  // namespace tfvae::cpu
