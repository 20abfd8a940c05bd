// CPU kernels, on TensorFlow's intra-op thread pool.
#include "cpu/launch.h"
#include "tensorflow/op_kernels.h"

namespace tfvae::tf {
namespace {

using ::tensorflow::OpKernelContext;

cpu::ParallelFor pool_of(OpKernelContext* context) {
  auto* pool = context->device()->tensorflow_cpu_worker_threads()->workers;
  return [pool](int64_t total, int64_t cost, const cpu::Body& body) {
    using Scheduling = ::tensorflow::thread::ThreadPool::SchedulingParams;
    pool->ParallelFor(total, Scheduling::Adaptive(cost), body);
  };
}

struct OnCpu {
  static absl::Status forward(OpKernelContext* context, const Problem& problem, const Outputs& outputs) {
    return to_status(cpu::sample_and_kl(problem, outputs, pool_of(context)));
  }

  static absl::Status backward(OpKernelContext* context, const Problem& problem, const Upstream& upstream,
                               const Gradients& gradients) {
    return to_status(cpu::sample_and_kl_grad(problem, upstream, gradients, pool_of(context)));
  }
};

}  // namespace

REGISTER_KERNEL_BUILDER(Name("Tfvae>SampleAndKl").Device(::tensorflow::DEVICE_CPU), SampleAndKlOp<OnCpu>);
REGISTER_KERNEL_BUILDER(Name("Tfvae>SampleAndKlGrad").Device(::tensorflow::DEVICE_CPU), SampleAndKlGradOp<OnCpu>);

}  // namespace tfvae::tf
