// NumPy arrays.
#include <pybind11/numpy.h>

#include <algorithm>
#include <thread>

#include "cpu/launch.h"
#include "python/memory.h"

namespace tfvae::python {
namespace {

// NumPy has no bfloat16.
py::dtype bfloat16() { return py::dtype::from_args(py::module_::import("ml_dtypes").attr("bfloat16")); }

DType dtype_of(const char* name, const py::dtype& dtype) {
  if (dtype.equal(py::dtype::of<float>())) return DType::kFloat;
  if (dtype.equal(py::dtype::of<double>())) return DType::kDouble;
  if (dtype.equal(py::dtype("float16"))) return DType::kHalf;
  const std::string spelt = py::str(dtype);
  if (spelt == "bfloat16") return DType::kBFloat16;
  throw py::type_error(std::string(name) + ": got " + spelt + ", expected float16, bfloat16, float32 or float64.");
}

py::dtype numpy_dtype(DType dtype) { return dtype == DType::kBFloat16 ? bfloat16() : py::dtype(name_of(dtype)); }

class HostMemory : public Memory {
 public:
  explicit HostMemory(int threads) {
    if (threads < 0 || threads > 1024) {
      throw py::value_error("threads: got " + std::to_string(threads) + ", expected 1 to 1024, or 0 for all cores.");
    }
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    parallel_ = cpu::with_threads(threads ? threads : std::max(1, cores));
  }

  Array input(const char* name, const py::object& value) override {
    if (on_gpu(value)) {
      throw py::type_error(std::string(name) + ": got an array on a GPU, expected a NumPy array, like z_mean.");
    }
    constexpr int kPlain = py::array::c_style | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
    const py::array array = py::array::ensure(value, kPlain);
    if (!array) {
      PyErr_Clear();
      const std::string type = py::str(py::type::of(value).attr("__name__"));
      throw py::type_error(std::string(name) + ": got " + type + ", expected a NumPy array.");
    }
    const DType dtype = dtype_of(name, array.dtype());
    return {dtype, Shape(array.shape(), array.shape() + array.ndim()), const_cast<void*>(array.data()), array};
  }

  Array output(const Shape& shape, DType dtype) override {
    py::array array(numpy_dtype(dtype), shape);
    return {dtype, shape, array.mutable_data(), array};
  }

  Status forward(const Problem& problem, const Outputs& outputs) override {
    py::gil_scoped_release others_may_run;
    return cpu::sample_and_kl(problem, outputs, parallel_);
  }

  Status backward(const Problem& problem, const Upstream& upstream, const Gradients& gradients) override {
    py::gil_scoped_release others_may_run;
    return cpu::sample_and_kl_grad(problem, upstream, gradients, parallel_);
  }

 private:
  cpu::ParallelFor parallel_;
};

}  // namespace

std::unique_ptr<Memory> host_memory(int threads) { return std::make_unique<HostMemory>(threads); }

bool on_gpu(const py::object& array) { return py::hasattr(array, "__cuda_array_interface__"); }

const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::kHalf:
      return "float16";
    case DType::kBFloat16:
      return "bfloat16";
    case DType::kFloat:
      return "float32";
    case DType::kDouble:
      return "float64";
  }
  return "an unknown type";
}

DType wide(DType dtype) { return dtype == DType::kDouble ? DType::kDouble : DType::kFloat; }

}  // namespace tfvae::python
