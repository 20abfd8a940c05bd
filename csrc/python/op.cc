#include "python/op.h"

#include "python/integers.h"

namespace tfvae::python {
namespace {

std::unique_ptr<Memory> memory_of(const Inputs& inputs) {
  if (!on_gpu(inputs.z_mean)) {
    if (!inputs.stream.is_none()) {
      throw py::value_error("stream: got one with z_mean on the CPU; pass a stream only for arrays on a GPU.");
    }
    return host_memory(inputs.threads);
  }
  if (inputs.threads != 0) {
    throw py::value_error("threads: got " + std::to_string(inputs.threads) + " with z_mean on a GPU, expected 0.");
  }
#if TFVAE_CUDA
  const uint64_t stream = inputs.stream.is_none() ? 0 : integers<uint64_t>("stream", inputs.stream, 1)[0];
  return cuda_memory(inputs.z_mean, static_cast<uintptr_t>(stream));
#else
  throw py::type_error(
      "z_mean: got an array on a GPU, but this module was built without CUDA; pass NumPy arrays, or rebuild it "
      "where nvcc is installed.");
#endif
}

Prior prior_of(const Array& mean, const Array& scale) {
  if (mean.present() != scale.present()) {
    throw py::value_error("prior_mean, prior_scale: got one without the other, expected both, or None for both.");
  }
  if (!scale.present()) return Prior::kStandard;
  if (scale.shape.size() == 1) return Prior::kDiagonal;
  if (scale.shape.size() == 2) return Prior::kCholesky;
  throw py::value_error("prior_scale: got shape " + to_string(scale.shape) +
                        ", expected [latent] or [latent, latent].");
}

// The inputs that both functions share, checked; owns the memory that `problem` points to.
class Call {
 public:
  explicit Call(const Inputs& inputs) : memory_(memory_of(inputs)) {
    mean_ = memory_->input("z_mean", inputs.z_mean);
    log_var_ = typed("z_log_var", inputs.z_log_var, mean_.dtype);
    prior_mean_ = typed("prior_mean", inputs.prior_mean, wide(mean_.dtype));
    prior_scale_ = typed("prior_scale", inputs.prior_scale, wide(mean_.dtype));
    key_ = integers<uint64_t>("key", inputs.key, 1);
    counter_ = integers<uint64_t>("counter", inputs.counter, 2);
    first_example_ = integers<int64_t>("first_example", inputs.first_example, 1);
    problem_.dtype = mean_.dtype;
    problem_.prior = prior_of(prior_mean_, prior_scale_);
    problem_.per_dimension = inputs.per_dimension;
    require(set_extents({mean_.shape, log_var_.shape, prior_mean_.shape, prior_scale_.shape}, inputs.samples,
                        &problem_));
    problem_.key = key_.data();
    problem_.counter = counter_.data();
    problem_.first_example = first_example_.data();
    problem_.mean = mean_.data;
    problem_.log_var = log_var_.data;
    problem_.prior_mean = prior_mean_.data;
    problem_.prior_scale = prior_scale_.data;
  }

  Memory& memory() { return *memory_; }
  const Problem& problem() const { return problem_; }
  const Array& mean() const { return mean_; }
  const Array& prior_mean() const { return prior_mean_; }
  const Array& prior_scale() const { return prior_scale_; }

  Shape z() const { return z_shape(mean_.shape, problem_.samples); }
  Shape kl() const { return kl_shape(mean_.shape, problem_.per_dimension); }
  Shape log_q() const { return log_q_shape(mean_.shape, problem_.samples); }

  Array like(const Array& array) { return memory_->output(array.shape, array.dtype); }

  // None is an absent array.
  Array upstream(const char* name, const py::object& value, const Shape& shape, DType dtype) {
    Array array = typed(name, value, dtype);
    if (array.present()) require(expect_shape(name, array.shape, shape));
    return array;
  }

 private:
  Array typed(const char* name, const py::object& value, DType dtype) {
    if (value.is_none()) return {};
    Array array = memory_->input(name, value);
    if (array.dtype == dtype) return array;
    throw py::type_error(std::string(name) + ": got " + name_of(array.dtype) + ", expected " + name_of(dtype) +
                         ", as z_mean is " + name_of(mean_.dtype) + ".");
  }

  std::unique_ptr<Memory> memory_;
  Array mean_, log_var_, prior_mean_, prior_scale_;
  std::vector<uint64_t> key_, counter_;
  std::vector<int64_t> first_example_;
  Problem problem_;
};

}  // namespace

py::tuple sample_and_kl(const Inputs& inputs, bool log_q) {
  Call call(inputs);
  const DType narrow = call.mean().dtype;
  const Array z = call.memory().output(call.z(), narrow);
  const Array kl = call.memory().output(call.kl(), wide(narrow));
  const Array density = log_q ? call.memory().output(call.log_q(), wide(narrow)) : Array();
  require(call.memory().forward(call.problem(), {z.data, kl.data, density.data}));
  return py::make_tuple(z.owner, kl.owner, density.owner);
}

py::tuple sample_and_kl_grad(const Inputs& inputs, const UpstreamInputs& upstream, bool prior_gradient) {
  Call call(inputs);
  const DType narrow = call.mean().dtype;
  const Array d_z = call.upstream("d_z", upstream.z, call.z(), narrow);
  const Array d_kl = call.upstream("d_kl", upstream.kl, call.kl(), wide(narrow));
  const Array d_log_q = call.upstream("d_log_q", upstream.log_q, call.log_q(), wide(narrow));
  const bool trained = prior_gradient && call.problem().prior != Prior::kStandard;
  const Array d_mean = call.like(call.mean()), d_log_var = call.like(call.mean());
  const Array d_prior_mean = trained ? call.like(call.prior_mean()) : Array();
  const Array d_prior_scale = trained ? call.like(call.prior_scale()) : Array();
  require(call.memory().backward(call.problem(), {d_z.data, d_kl.data, d_log_q.data},
                                 {d_mean.data, d_log_var.data, d_prior_mean.data, d_prior_scale.data}));
  return py::make_tuple(d_mean.owner, d_log_var.owner, d_prior_mean.owner, d_prior_scale.owner);
}

}  // namespace tfvae::python
