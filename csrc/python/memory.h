// The memory that holds the arrays of a call. Each kind of memory reads its arrays, allocates new ones and runs its
// launchers.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "core/latent.h"
#include "core/shapes.h"

namespace tfvae::python {

namespace py = pybind11;

// Contiguous elements. An absent array, such as the mean of the standard prior, has no owner, no data and shape [0].
struct Array {
  DType dtype = DType::kFloat;
  Shape shape = {0};
  void* data = nullptr;
  py::object owner = py::none();

  bool present() const { return !owner.is_none(); }
};

class Memory {
 public:
  virtual ~Memory() = default;

  virtual Array input(const char* name, const py::object& value) = 0;
  virtual Array output(const Shape& shape, DType dtype) = 0;

  // key, counter and first_example of `problem` point to the host.
  virtual Status forward(const Problem& problem, const Outputs& outputs) = 0;
  virtual Status backward(const Problem& problem, const Upstream& upstream, const Gradients& gradients) = 0;
};

std::unique_ptr<Memory> host_memory(int threads);

// Whether an array is on a GPU, by __cuda_array_interface__.
bool on_gpu(const py::object& array);

#if TFVAE_CUDA
// The memory of the GPU that holds `array`; work goes to `stream`.
std::unique_ptr<Memory> cuda_memory(const py::object& array, uintptr_t stream);
void define_device_array(py::module_& module);
#endif

const char* name_of(DType dtype);
DType wide(DType dtype);

inline void require(const Status& status) {
  if (!status.empty()) throw py::value_error(status);
}

}  // namespace tfvae::python
