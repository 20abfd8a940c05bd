// The CPU launchers: the same inputs give the same bits, whatever `parallel` does.
#pragma once

#include <functional>

#include "core/latent.h"

namespace tfvae::cpu {

// Runs body(begin, end) over parts that cover [0, total), in parallel or in sequence; `cost` is the estimated number of
// cycles per unit. Returns when all parts have run.
using Body = std::function<void(int64_t begin, int64_t end)>;
using ParallelFor = std::function<void(int64_t total, int64_t cost, const Body& body)>;

inline void serial(int64_t total, int64_t, const Body& body) {
  if (total > 0) body(0, total);
}

// `threads` threads started for the call; 1 is serial.
ParallelFor with_threads(int threads);

Status sample_and_kl(const Problem& problem, const Outputs& outputs, const ParallelFor& parallel);

Status sample_and_kl_grad(const Problem& problem, const Upstream& upstream, const Gradients& gradients,
                          const ParallelFor& parallel);

// Noise only, for tests and tools: n values of the stream, from position `first` of (key, counter).
void words(uint64_t key, const uint64_t counter[2], uint64_t first, int64_t n, uint32_t* out);
void normals(uint64_t key, const uint64_t counter[2], uint64_t first, int64_t n, float* out);
void normals(uint64_t key, const uint64_t counter[2], uint64_t first, int64_t n, double* out);

// The instruction set in use: "avx512", "avx2" or "portable" ("neon" on aarch64). TFVAE_ISA forces one that this
// processor has; otherwise every launcher returns the error.
std::string isa();
Status isa_error();

}  // namespace tfvae::cpu
