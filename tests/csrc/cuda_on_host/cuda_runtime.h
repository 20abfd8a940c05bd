// Enough of CUDA's runtime to run csrc/cuda/*.cu on a host, one block at a time: its threads are fibers that switch
// where they wait for each other. It replaces the toolkit's header of this name, so that the kernels can be tested
// without a GPU, also under sanitizers. It cannot detect races or misalignment, or measure speed.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __shared__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

struct dim3 {
  unsigned x, y, z;
  dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

using cudaStream_t = struct HostStream*;
enum cudaError_t { cudaSuccess, cudaErrorInvalidConfiguration };
enum cudaDeviceAttr { cudaDevAttrMultiProcessorCount };

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
};

extern dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace cuda_on_host {

extern int multiprocessors;  // as reported by the device

// Runs body() once for every thread of every block; ends the process with a message if only some threads wait.
void run(dim3 grid, dim3 threads, const std::function<void()>& body);

// Waits for all threads of the warp or the block.
void wait_for_warp();
void wait_for_block();

// The value that thread `source` of this warp passed.
uint64_t exchange(uint64_t value, unsigned source);
int any_of_block(int value);

}  // namespace cuda_on_host

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  // The limits of a device: at most 1,024 threads per block, and 65,535 blocks along y and z.
  if (config->blockDim.x > 1024 || config->gridDim.y > 65535 || config->gridDim.z > 65535) {
    return cudaErrorInvalidConfiguration;
  }
  cuda_on_host::run(config->gridDim, config->blockDim, [&] { kernel(arguments...); });
  return cudaSuccess;
}

inline cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t) {
  memset(memory, value, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline const char* cudaGetErrorString(cudaError_t error) { return error == cudaSuccess ? "no error" : "invalid"; }
inline cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) {
  *value = cuda_on_host::multiprocessors;
  return cudaSuccess;
}

inline void __syncthreads() { cuda_on_host::wait_for_block(); }
inline void __syncwarp() { cuda_on_host::wait_for_warp(); }
inline int __syncthreads_or(int value) { return cuda_on_host::any_of_block(value); }

template <class F>
F __shfl_xor_sync(unsigned, F value, int offset) {
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof value);
  bits = cuda_on_host::exchange(bits, threadIdx.x % 32 ^ static_cast<unsigned>(offset));
  memcpy(&value, &bits, sizeof value);
  return value;
}

inline double __longlong_as_double(long long bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
