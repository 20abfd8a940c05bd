#include "python/cuda_array.h"

#include <pybind11/stl.h>

namespace tfvae::python {
namespace {

constexpr DType kTypes[] = {DType::kHalf, DType::kBFloat16, DType::kFloat, DType::kDouble};

// The type string of NumPy; for bfloat16, that of ml_dtypes.
const char* spelling(DType dtype) {
  switch (dtype) {
    case DType::kHalf:
      return "<f2";
    case DType::kBFloat16:
      return "<V2";
    case DType::kFloat:
      return "<f4";
    case DType::kDouble:
      return "<f8";
  }
  return "";
}

size_t bytes_of(DType dtype) {
  if (dtype == DType::kDouble) return 8;
  return dtype == DType::kFloat ? 4 : 2;
}

DType parse_type(const char* name, const std::string& spelt) {
  for (const DType dtype : kTypes) {
    if (spelt == spelling(dtype)) return dtype;
  }
  throw py::type_error(std::string(name) + ": got elements of type '" + spelt +
                       "', expected float16, bfloat16, float32 or float64 ('<f2', '<V2', '<f4', '<f8').");
}

bool contiguous(const Shape& shape, const Shape& strides, size_t bytes) {
  int64_t wanted = static_cast<int64_t>(bytes);
  for (size_t axis = shape.size(); axis-- > 0;) {
    if (shape[axis] == 0) return true;
    if (shape[axis] != 1 && strides[axis] != wanted) return false;
    wanted *= shape[axis];
  }
  return true;
}

// Owns device memory.
class DeviceArray {
 public:
  DeviceArray(const Shape& shape, DType dtype, uintptr_t stream) : shape_(shape), dtype_(dtype), stream_(stream) {
    size_t bytes = bytes_of(dtype);
    for (const int64_t extent : shape) bytes *= static_cast<size_t>(extent);
    check_cuda(cudaMalloc(&data_, bytes), "cudaMalloc");
  }
  // Waits for the device, because a reader may be using a stream that is not known here.
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  void* data() const { return data_; }
  py::tuple shape() const { return py::tuple(py::cast(shape_)); }
  const char* dtype() const { return name_of(dtype_); }

  py::dict interface() const {
    py::dict found;
    found["shape"] = shape();
    found["typestr"] = spelling(dtype_);
    found["data"] = py::make_tuple(reinterpret_cast<uintptr_t>(data_), false);
    found["strides"] = py::none();
    // In the interface, 1 is the default stream.
    found["stream"] = stream_ ? stream_ : uintptr_t{1};
    found["version"] = 3;
    return found;
  }

 private:
  Shape shape_;
  DType dtype_;
  uintptr_t stream_;
  void* data_ = nullptr;
};

}  // namespace

Interface read_interface(const char* name, const py::object& array) {
  if (!on_gpu(array)) {
    throw py::type_error(std::string(name) + ": got an array that is not on a GPU, expected one on the GPU of z_mean.");
  }
  const py::dict said = array.attr("__cuda_array_interface__");
  Interface seen;
  seen.dtype = parse_type(name, py::cast<std::string>(said["typestr"]));
  seen.shape = py::cast<Shape>(said["shape"]);
  seen.data = reinterpret_cast<void*>(py::cast<uintptr_t>(py::tuple(said["data"])[0]));
  const auto optional = [&](const char* key) { return said.contains(key) ? py::object(said[key]) : py::none(); };
  const py::object strides = optional("strides"), stream = optional("stream");
  seen.stream = stream.is_none() ? 0 : py::cast<uintptr_t>(stream);
  if (!strides.is_none() && !contiguous(seen.shape, py::cast<Shape>(strides), bytes_of(seen.dtype))) {
    throw py::value_error(std::string(name) + ": got strides " + std::string(py::str(strides)) + " for shape " +
                          to_string(seen.shape) + ", expected a contiguous array; make a contiguous copy first.");
  }
  return seen;
}

int device_of(const char* name, const void* data) {
  cudaPointerAttributes attributes;
  const cudaError_t error = cudaPointerGetAttributes(&attributes, data);
  if (error != cudaSuccess || attributes.type == cudaMemoryTypeUnregistered) {
    const std::string reason = error == cudaSuccess ? "not memory of a GPU" : cudaGetErrorString(error);
    throw py::value_error(std::string(name) + ": got an address that CUDA does not know (" + reason +
                          "), expected an array on a GPU.");
  }
  return attributes.device;
}

Array new_device_array(const Shape& shape, DType dtype, uintptr_t stream) {
  auto fresh = std::make_unique<DeviceArray>(shape, dtype, stream);
  void* data = fresh->data();
  return {dtype, shape, data, py::cast(std::move(fresh))};
}

Status cuda_status(cudaError_t error, const char* what) {
  return error == cudaSuccess ? Status() : std::string(what) + " failed: " + cudaGetErrorString(error) + ".";
}

void check_cuda(cudaError_t error, const char* what) {
  if (Status bad = cuda_status(error, what); !bad.empty()) throw std::runtime_error(bad);
}

void define_device_array(py::module_& module) {
  py::class_<DeviceArray>(module, "DeviceArray", "An output on a GPU; others read it by __cuda_array_interface__.")
      .def_property_readonly("shape", &DeviceArray::shape)
      .def_property_readonly("dtype", &DeviceArray::dtype, "float16, bfloat16, float32 or float64.")
      .def_property_readonly("__cuda_array_interface__", &DeviceArray::interface);
}

}  // namespace tfvae::python
