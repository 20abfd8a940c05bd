// The table of kernels of one instruction set, through which launch.cc calls all vectorised code.
#pragma once

#include "cpu/launch.h"
#include "cpu/prepared.h"

namespace tfvae::cpu {

// How a batch is split. One thread processes a unit: whole examples, or one long example in segments. The split depends
// only on the shape, so that no sum depends on the number of threads.
struct Tiling {
  int64_t units = 0;     // of the batch
  int64_t examples = 1;  // in a unit
  int64_t tile = 0;      // elements of a unit, or of a segment
};

// Partial sums over a part of the batch, for the gradients of the prior; initialised to zero. Null if not needed. Rows
// of matrices are padded to `stride`, and values above the diagonal are undefined.
template <class W>
struct PriorSums {
  W* mean = nullptr;     // [latent]: -sum d_mean of the KL
  W* scale = nullptr;    // diagonal: [latent], the gradient; Cholesky: [latent, latent], -sum u y^T
  W* spread = nullptr;   // Cholesky: [latent] or, per dimension, [latent, latent]: sum g exp(log_var)
  W* weights = nullptr;  // Cholesky: [latent]: sum g
  int64_t stride = 0;
};

// Scratch memory of one thread, in bytes, 64-byte aligned.
template <class W>
int64_t scratch_bytes(const Tiling& tiling) {
  constexpr int kArrays = 14;
  return kArrays * (tiling.tile + 2 * kPadding + 64) * static_cast<int64_t>(sizeof(W));
}

template <class W>
struct KernelsOf {
  // Units [begin, end) of the batch.
  void (*forward)(const Problem&, const Outputs&, const PriorView<W>&, const Tiling&, int64_t begin, int64_t end,
                  void* scratch);
  void (*backward)(const Problem&, const Upstream&, const Gradients&, const PriorView<W>&, const Tiling&, int64_t begin,
                   int64_t end, const PriorSums<W>&, void* scratch);
};

struct Kernels {
  const char* name;
  KernelsOf<float> of_float;
  KernelsOf<double> of_double;
  // y += a x.
  void (*axpy)(double a, const double* x, double* y, int64_t n);
  // c = a b, see whiten.h; `upper` selects the triangle of b.
  void (*multiply)(const double* a, int64_t a_stride, int64_t rows, int64_t depth, const double* b, int64_t b_stride,
                   int64_t columns, bool upper, double* c, int64_t c_stride);
  void (*words)(uint64_t key, const uint64_t counter[2], uint64_t first, int64_t n, uint32_t* out);
  void (*normals)(uint64_t key, const uint64_t counter[2], uint64_t first, int64_t n, float* out);
  void (*wide_normals)(uint64_t key, const uint64_t counter[2], uint64_t first, int64_t n, double* out);

  template <class W>
  const KernelsOf<W>& of() const {
    if constexpr (sizeof(W) == sizeof(double)) {
      return of_double;
    } else {
      return of_float;
    }
  }
};

}  // namespace tfvae::cpu
