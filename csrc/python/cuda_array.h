// Reads and exports the CUDA array interface.
#pragma once

#include <cuda_runtime_api.h>

#include "python/memory.h"

namespace tfvae::python {

struct Interface {
  DType dtype;
  Shape shape;
  void* data;
  uintptr_t stream;  // of the last work on the array; 0: nothing to wait for
};

Interface read_interface(const char* name, const py::object& array);

// The GPU that holds `data`.
int device_of(const char* name, const void* data);

// A DeviceArray on the current device, whose elements are written by work on `stream`.
Array new_device_array(const Shape& shape, DType dtype, uintptr_t stream);

Status cuda_status(cudaError_t error, const char* what);
void check_cuda(cudaError_t error, const char* what);

}  // namespace tfvae::python
