// Kernels in the order of a stream; the first one that does not start is kept, and those after it are left out.
#pragma once

#include <cuda_runtime.h>

#include <string>
#include <utility>

#include "cuda/launch.h"

namespace tfvae::cuda {

class Queue {
 public:
  explicit Queue(Stream stream) : stream_(static_cast<cudaStream_t>(stream)) {}

  // `name` is for the sentence. An empty grid is no work.
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

  // As many blocks as fill the device twice over; how many there are changes no result.
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
    cudaGetLastError();  // or the next to look would take it for their own
    status_ = std::string("CUDA, ") + name + ": " + cudaGetErrorString(error) +
              ". `python -m tfvae.info` says which devices and which CUDA this build is for.";
  }

  cudaStream_t stream_;
  Status status_;
};

inline dim3 grid_of(int64_t x, int64_t y = 1, int64_t z = 1) {
  return dim3(static_cast<unsigned>(x), static_cast<unsigned>(y), static_cast<unsigned>(z));
}

}  // namespace tfvae::cuda
