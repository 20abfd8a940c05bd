// Arrays on a GPU, by version 3 of the CUDA array interface. A call enqueues its work on one stream and does not wait.
#include <cuda_runtime_api.h>

#include "cuda/launch.h"
#include "python/cuda_array.h"
#include "python/memory.h"

namespace tfvae::python {
namespace {

// Makes a device current for the lifetime of the object.
class CurrentDevice {
 public:
  explicit CurrentDevice(int device) {
    check_cuda(cudaGetDevice(&before_), "cudaGetDevice");
    check_cuda(cudaSetDevice(device), "cudaSetDevice");
  }
  ~CurrentDevice() { cudaSetDevice(before_); }
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;

 private:
  int before_ = 0;
};

// Makes `stream` wait for the work now queued on `producer`.
void wait_for(cudaStream_t producer, cudaStream_t stream) {
  cudaEvent_t event;
  check_cuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreateWithFlags");
  const cudaError_t recorded = cudaEventRecord(event, producer);
  const cudaError_t waits = recorded == cudaSuccess ? cudaStreamWaitEvent(stream, event, 0) : recorded;
  cudaEventDestroy(event);
  check_cuda(waits, "cudaStreamWaitEvent");
}

// key, counter and first_example, at the beginning of the scratch of a call.
struct NoiseBlock {
  uint64_t key, counter[2];
  int64_t first_example;
};
constexpr size_t kNoiseBytes = 256;

class CudaMemory : public Memory {
 public:
  CudaMemory(int device, cudaStream_t stream) : device_(device), stream_(stream), current_(device) {}

  Array input(const char* name, const py::object& value) override {
    const Interface seen = read_interface(name, value);
    if (seen.data && device_of(name, seen.data) != device_) {
      throw py::value_error(std::string(name) + ": got an array on GPU " +
                            std::to_string(device_of(name, seen.data)) + ", expected GPU " + std::to_string(device_) +
                            ", where z_mean is.");
    }
    const auto producer = reinterpret_cast<cudaStream_t>(seen.stream);
    if (seen.stream && producer != stream_) wait_for(producer, stream_);
    return {seen.dtype, seen.shape, seen.data, value};
  }

  Array output(const Shape& shape, DType dtype) override {
    return new_device_array(shape, dtype, reinterpret_cast<uintptr_t>(stream_));
  }

  Status forward(const Problem& problem, const Outputs& outputs) override {
    py::gil_scoped_release others_may_run;
    return with_scratch(problem, cuda::forward_workspace_bytes(problem), [&](const Problem& there, void* workspace) {
      return cuda::sample_and_kl(there, outputs, workspace, stream_);
    });
  }

  Status backward(const Problem& problem, const Upstream& upstream, const Gradients& gradients) override {
    py::gil_scoped_release others_may_run;
    const size_t bytes = cuda::backward_workspace_bytes(problem, gradients);
    return with_scratch(problem, bytes, [&](const Problem& there, void* workspace) {
      return cuda::sample_and_kl_grad(there, upstream, gradients, workspace, stream_);
    });
  }

 private:
  // Runs `launch` with the noise's address on the device and a workspace; both are freed once the stream is past it.
  template <class Launch>
  Status with_scratch(Problem problem, size_t bytes, const Launch& launch) {
    void* scratch = nullptr;
    if (Status bad = cuda_status(cudaMallocAsync(&scratch, kNoiseBytes + bytes, stream_), "cudaMallocAsync");
        !bad.empty()) {
      return bad;
    }
    const NoiseBlock block = {*problem.key, {problem.counter[0], problem.counter[1]}, *problem.first_example};
    auto* there = static_cast<NoiseBlock*>(scratch);
    // The source is pageable memory, so it has been read when this returns.
    Status status = cuda_status(cudaMemcpyAsync(there, &block, sizeof block, cudaMemcpyHostToDevice, stream_),
                                "cudaMemcpyAsync");
    if (status.empty()) {
      problem.key = &there->key;
      problem.counter = there->counter;
      problem.first_example = &there->first_example;
      status = launch(problem, static_cast<char*>(scratch) + kNoiseBytes);
    }
    const Status freed = cuda_status(cudaFreeAsync(scratch, stream_), "cudaFreeAsync");
    return status.empty() ? freed : status;
  }

  int device_;
  cudaStream_t stream_;
  CurrentDevice current_;
};

}  // namespace

std::unique_ptr<Memory> cuda_memory(const py::object& array, uintptr_t stream) {
  const Interface seen = read_interface("z_mean", array);
  int device = 0;
  // An array without elements may have no address.
  if (seen.data) {
    device = device_of("z_mean", seen.data);
  } else {
    check_cuda(cudaGetDevice(&device), "cudaGetDevice");
  }
  return std::make_unique<CudaMemory>(device, reinterpret_cast<cudaStream_t>(stream));
}

}  // namespace tfvae::python
