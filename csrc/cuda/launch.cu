#include "cuda/launch.h"

#include "cuda/steps.h"

namespace tfvae::cuda {
namespace {

// visit(T{}) for the type of the data.
template <class Visit>
auto with_dtype(DType dtype, const Visit& visit) {
  switch (dtype) {
    case DType::kHalf:
      return visit(__half{});
    case DType::kBFloat16:
      return visit(__nv_bfloat16{});
    case DType::kFloat:
      return visit(float{});
    default:
      return visit(double{});
  }
}

Status check(const Problem& p) {
  if (p.prior != Prior::kCholesky || p.latent <= kMostCorrelated) return {};
  return "prior_scale: got " + std::to_string(p.latent) + " dimensions, expected at most " +
         std::to_string(kMostCorrelated) + " for a correlated prior on a GPU; run this op on the CPU.";
}

template <class T>
Status run_forward(const Problem& p, const Outputs& outputs, void* memory, Stream stream) {
  using F = Wide<T>;
  Queue queue(stream);
  Arena arena(memory);
  const ForwardWorkspace<F> workspace(p, &arena);
  F* squares = p.per_dimension ? static_cast<F*>(outputs.kl) : workspace.squares;
  prior_tables(p, workspace.tables, &queue);
  if (p.prior == Prior::kCholesky) {
    whiten_forward<T>(p, workspace.tables, squares, &queue);
  } else {
    squares = nullptr;
  }
  forward<T>(p, outputs, workspace.tables, squares, &queue);
  return queue.status();
}

template <class T>
Status run_backward(const Problem& p, const Upstream& upstream, const Gradients& gradients, void* memory,
                    Stream stream) {
  using F = Wide<T>;
  Queue queue(stream);
  Arena arena(memory);
  const BackwardWorkspace<F> workspace(p, gradients, &arena);
  const bool of_kl = p.prior != Prior::kStandard && upstream.kl != nullptr;
  if (of_kl) {
    prior_tables(p, workspace.tables, &queue);
    if (p.prior == Prior::kCholesky) whiten_backward<T>(p, upstream, workspace, &queue);
  }
  backward<T>(p, upstream, gradients, workspace, &queue);
  if (of_kl && (gradients.prior_mean != nullptr || gradients.prior_scale != nullptr)) {
    prior_gradient<T>(p, upstream, gradients, workspace, &queue);
  } else {
    const size_t scales = p.prior == Prior::kCholesky ? p.latent * p.latent : p.latent;
    if (gradients.prior_mean != nullptr) queue.clear(gradients.prior_mean, p.latent * sizeof(F));
    if (gradients.prior_scale != nullptr) queue.clear(gradients.prior_scale, scales * sizeof(F));
  }
  return queue.status();
}

}  // namespace

size_t forward_workspace_bytes(const Problem& problem) {
  return with_dtype(problem.dtype, [&](auto value) {
    Arena arena(nullptr);
    const ForwardWorkspace<Wide<decltype(value)>> workspace(problem, &arena);
    return arena.used();
  });
}

size_t backward_workspace_bytes(const Problem& problem, const Gradients& gradients) {
  return with_dtype(problem.dtype, [&](auto value) {
    Arena arena(nullptr);
    const BackwardWorkspace<Wide<decltype(value)>> workspace(problem, gradients, &arena);
    return arena.used();
  });
}

Status sample_and_kl(const Problem& problem, const Outputs& outputs, void* workspace, Stream stream) {
  if (Status bad = check(problem); !bad.empty()) return bad;
  return with_dtype(problem.dtype, [&](auto value) {
    return run_forward<decltype(value)>(problem, outputs, workspace, stream);
  });
}

Status sample_and_kl_grad(const Problem& problem, const Upstream& upstream, const Gradients& gradients,
                          void* workspace, Stream stream) {
  if (Status bad = check(problem); !bad.empty()) return bad;
  return with_dtype(problem.dtype, [&](auto value) {
    return run_backward<decltype(value)>(problem, upstream, gradients, workspace, stream);
  });
}

}  // namespace tfvae::cuda
