// The CPU launchers: same inputs, same bits, whatever `parallel` does.
#pragma once

#include <functional>

#include "core/latent.h"

namespace tfvae::cpu {

// Runs body(begin, end) over parts that cover [0, total), at once or in turn; `cost` is a guess at the cycles of one
// unit. Returns when all have run.
using Body = std::function<void(int64_t begin, int64_t end)>;
using ParallelFor = std::function<void(int64_t total, int64_t cost, const Body& body)>;

inline void serial(int64_t total, int64_t, const Body& body) {
  if (total > 0) body(0, total);
}

// `threads` threads made for the call; 1 is serial.
ParallelFor with_threads(int threads);

Status sample_and_kl(const Problem& problem, const Outputs& outputs, const ParallelFor& parallel);

Status sample_and_kl_grad(const Problem& problem, const Upstream& upstream, const Gradients& gradients,
                          const ParallelFor& parallel);

// Noise alone, for tests and tools: n values of the stream that begins at position `first` of (key, counter).
void words(uint64_t key, const uint64_t counter[2], uint64_t first, int64_t n, uint32_t* out);
void normals(uint64_t key, const uint64_t counter[2], uint64_t first, int64_t n, float* out);
void normals(uint64_t key, const uint64_t counter[2], uint64_t first, int64_t n, double* out);

// The instruction set in use: "avx512", "avx2" or "portable" ("neon" on aarch64). TFVAE_ISA forces one of those that
// this processor has; the error is a sentence and comes back from every launcher.
std::string isa();
Status isa_error();

}  // namespace tfvae::cpu
