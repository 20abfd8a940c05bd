// Launches kernels in order on a stream; keeps the first launch error and skips the kernels after it.
#pragma once

#include <cuda_runtime.h>

#include <string>
#include <utility>

#include "cuda/launch.h"

namespace tfvae::cuda {

class Queue {
 public:
  explicit Queue(Stream stream) : stream_(static_cast<cudaStream_t>(stream)) {}

  // `name` is for the error message. An empty grid does nothing.
  template <class... Parameters, class... Arguments>
  void run(const char* name, void (*kernel)(Parameters...), dim3 grid, int threads, Arguments&&... arguments) {
    if (!status_.empty() || grid.x == 0 || grid.y == 0 || grid.z == 0) return;
    cudaLaunchConfig_t config = {};
    config.gridDim = grid;
    config.blockDim = dim3(static_cast<unsigned>(threads));
    config.stream = stream_;
    check(name, cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...));
  }

  void clear(void* memory, size_t bytes) {
    if (!status_.empty() || bytes == 0) return;
    check("clear", cudaMemsetAsync(memory, 0, bytes, stream_));
  }

  // Enough blocks to fill the device twice; the number changes no result.
  int64_t most_blocks() {
    constexpr int kBlocksEach = 8;
    int device = 0, multiprocessors = 1;
    check("current device", cudaGetDevice(&device));
    check("multiprocessors", cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device));
    return int64_t{multiprocessors} * kBlocksEach;
  }

  const Status& status() const { return status_; }

 private:
  void check(const char* name, cudaError_t error) {
    if (error == cudaSuccess || !status_.empty()) return;
    cudaGetLastError();  // clears the error, so that later callers do not see it
    status_ = std::string("CUDA, ") + name + ": " + cudaGetErrorString(error) +
              ". `python -m tfvae.info` shows the devices and the CUDA version that this build supports.";
  }

  cudaStream_t stream_;
  Status status_;
};

inline dim3 grid_of(int64_t x, int64_t y = 1, int64_t z = 1) {
  return dim3(static_cast<unsigned>(x), static_cast<unsigned>(y), static_cast<unsigned>(z));
}

}  // namespace tfvae::cuda
