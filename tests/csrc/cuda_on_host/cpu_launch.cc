// The CPU launchers' names, implemented with the CUDA launchers on a host: linked with this file instead of csrc/cpu,
// test_forward and test_gradient test csrc/cuda. Every call is made in three ways, whose results must have the same
// bits: unchanged (aligned only to the element), aligned for vector loads, and aligned on a device with a different
// number of multiprocessors.
#include "cpu/launch.h"

#include <cuda_runtime.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "cuda/launch.h"

namespace tfvae::cpu {
namespace {

size_t size_of(DType dtype) { return dtype == DType::kDouble ? 8 : dtype == DType::kFloat ? 4 : 2; }

// Memory of exactly the requested size, so that a sanitizer detects overruns; aligned like device memory.
struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<void, Free>;

Memory allocate(size_t bytes) {
  void* memory = nullptr;
  if (posix_memalign(&memory, 256, bytes) != 0) std::abort();
  std::memset(memory, 0xA5, bytes);
  return Memory(memory);
}


struct Sizes {
  explicit Sizes(const Problem& p)
      : dtype(size_of(p.dtype)),
        wide(p.dtype == DType::kDouble ? 8 : 4),
        data(p.batch * p.width * dtype),
        kl((p.per_dimension ? p.batch * p.width : p.batch) * wide),
        prior_mean(p.latent * wide),
        prior_scale((p.prior == Prior::kCholesky ? p.latent : 1) * p.latent * wide) {}
  size_t dtype, wide, data, kl, prior_mean, prior_scale;
};

// Copies of arrays in aligned memory; null stays null.
class Copies {
 public:
  template <class Pointer>
  void copy(Pointer* pointer, size_t bytes) {
    if (*pointer == nullptr) return;
    memory_.push_back(allocate(bytes));
    std::memcpy(memory_.back().get(), *pointer, bytes);
    *pointer = memory_.back().get();
  }

 private:
  std::vector<Memory> memory_;
};

void expect_same(const char* name, const void* came, const void* wanted, size_t bytes) {
  if (wanted == nullptr || std::memcmp(came, wanted, bytes) == 0) return;
  std::fprintf(stderr, "%s: alignment or the number of multiprocessors changed its bits\n", name);
  std::exit(1);
}

Problem aligned_problem(Problem p, const Sizes& sizes, Copies* copies) {
  copies->copy(&p.mean, sizes.data);
  copies->copy(&p.log_var, sizes.data);
  copies->copy(&p.prior_mean, sizes.prior_mean);
  copies->copy(&p.prior_scale, sizes.prior_scale);
  return p;
}

}  // namespace

Status sample_and_kl(const Problem& given, const Outputs& wanted, const ParallelFor&) {
  const Sizes sizes(given);
  const auto run = [](const Problem& p, const Outputs& o) {
    const Memory workspace = allocate(cuda::forward_workspace_bytes(p));
    return cuda::sample_and_kl(p, o, workspace.get(), nullptr);
  };
  cuda_on_host::multiprocessors = 1;
  if (Status bad = run(given, wanted); !bad.empty()) return bad;
  for (const int multiprocessors : {1, 3}) {
    cuda_on_host::multiprocessors = multiprocessors;
    Copies copies;
    Outputs o = wanted;
    copies.copy(&o.z, given.samples * sizes.data);
    copies.copy(&o.kl, sizes.kl);
    copies.copy(&o.log_q, given.samples * given.batch * sizes.wide);
    if (Status bad = run(aligned_problem(given, sizes, &copies), o); !bad.empty()) return bad;
    expect_same("z", o.z, wanted.z, given.samples * sizes.data);
    expect_same("kl", o.kl, wanted.kl, sizes.kl);
    expect_same("log_q", o.log_q, wanted.log_q, given.samples * given.batch * sizes.wide);
  }
  return {};
}

Status sample_and_kl_grad(const Problem& given, const Upstream& upstream, const Gradients& wanted, const ParallelFor&) {
  const Sizes sizes(given);
  const auto run = [](const Problem& p, const Upstream& u, const Gradients& g) {
    const Memory workspace = allocate(cuda::backward_workspace_bytes(p, g));
    return cuda::sample_and_kl_grad(p, u, g, workspace.get(), nullptr);
  };
  cuda_on_host::multiprocessors = 1;
  if (Status bad = run(given, upstream, wanted); !bad.empty()) return bad;
  for (const int multiprocessors : {1, 3}) {
    cuda_on_host::multiprocessors = multiprocessors;
    Copies copies;
    Upstream u = upstream;
    copies.copy(&u.z, given.samples * sizes.data);
    copies.copy(&u.kl, sizes.kl);
    copies.copy(&u.log_q, given.samples * given.batch * sizes.wide);
    Gradients g = wanted;
    copies.copy(&g.mean, sizes.data);
    copies.copy(&g.log_var, sizes.data);
    copies.copy(&g.prior_mean, sizes.prior_mean);
    copies.copy(&g.prior_scale, sizes.prior_scale);
    if (Status bad = run(aligned_problem(given, sizes, &copies), u, g); !bad.empty()) return bad;
    expect_same("d_mean", g.mean, wanted.mean, sizes.data);
    expect_same("d_log_var", g.log_var, wanted.log_var, sizes.data);
    expect_same("d_prior_mean", g.prior_mean, wanted.prior_mean, sizes.prior_mean);
    expect_same("d_prior_scale", g.prior_scale, wanted.prior_scale, sizes.prior_scale);
  }
  return {};
}

std::string isa() { return "cuda on the host"; }

}  // namespace tfvae::cpu
