#include <cuda_runtime.h>
#include <setjmp.h>
#include <ucontext.h>

#include <cstdio>
#include <memory>
#include <vector>

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace cuda_on_host {

int multiprocessors = 1;

namespace {

constexpr size_t kStack = 256 * 1024;
constexpr unsigned kWarp = 32;

enum class State { kRuns, kWaitsForWarp, kWaitsForBlock, kDone };

struct Fiber {
  ucontext_t beginning;
  jmp_buf context;
  std::unique_ptr<char[]> stack{new char[kStack]};
  State state = State::kRuns;
  bool begun = false;
  uint64_t brought = 0, last = 0;  // values for an exchange: this one and the previous one
};

std::vector<Fiber> fibers;
jmp_buf scheduler;
const std::function<void()>* work = nullptr;
size_t current = 0;

// A fiber uses a context only to start, and then switches with setjmp and longjmp, because swapcontext makes a system
// call for the signal mask at every switch.
void change(jmp_buf from, jmp_buf to) {
  if (_setjmp(from) == 0) _longjmp(to, 1);
}

void live() {
  for (;;) {
    (*work)();
    fibers[current].state = State::kDone;
    change(fibers[current].context, scheduler);
  }
}

void go_on(Fiber* fiber) {
  if (_setjmp(scheduler) != 0) return;
  if (fiber->begun) _longjmp(fiber->context, 1);
  fiber->begun = true;
  getcontext(&fiber->beginning);
  fiber->beginning.uc_stack = {fiber->stack.get(), 0, kStack};
  fiber->beginning.uc_link = nullptr;
  makecontext(&fiber->beginning, live, 0);
  setcontext(&fiber->beginning);
}

void wait(State state) {
  const dim3 own = threadIdx;
  fibers[current].state = state;
  change(fibers[current].context, scheduler);
  threadIdx = own;
}

// Resumes [begin, end) if all of them are in `state`; otherwise returns false.
bool release(size_t begin, size_t end, State state) {
  for (size_t i = begin; i < end; ++i) {
    if (fibers[i].state != state) return false;
  }
  for (size_t i = begin; i < end; ++i) {
    fibers[i].state = State::kRuns;
    fibers[i].last = fibers[i].brought;
  }
  return true;
}

void run_block(unsigned count) {
  for (size_t i = 0; i < count; ++i) fibers[i].state = State::kRuns;
  for (bool moved = true; moved;) {
    moved = false;
    for (current = 0; current < count; ++current) {
      if (fibers[current].state != State::kRuns) continue;
      threadIdx = dim3(static_cast<unsigned>(current), 0, 0);
      go_on(&fibers[current]);
      moved = true;
    }
    for (size_t warp = 0; warp < count; warp += kWarp) {
      const size_t end = warp + kWarp < count ? warp + kWarp : count;
      moved |= release(warp, end, State::kWaitsForWarp);
    }
    moved |= release(0, count, State::kWaitsForBlock);
    if (moved) continue;
    for (size_t i = 0; i < count; ++i) {
      if (fibers[i].state == State::kDone) continue;
      fprintf(stderr, "cuda_on_host: thread %zu of block %u waits for threads that will not come\n", i, blockIdx.x);
      abort();
    }
  }
}

}  // namespace

void run(dim3 grid, dim3 threads, const std::function<void()>& body) {
  work = &body;
  gridDim = grid;
  blockDim = threads;
  if (fibers.size() < threads.x) fibers = std::vector<Fiber>(threads.x);
  for (blockIdx.z = 0; blockIdx.z < grid.z; ++blockIdx.z) {
    for (blockIdx.y = 0; blockIdx.y < grid.y; ++blockIdx.y) {
      for (blockIdx.x = 0; blockIdx.x < grid.x; ++blockIdx.x) run_block(threads.x);
    }
  }
}

void wait_for_warp() { wait(State::kWaitsForWarp); }
void wait_for_block() { wait(State::kWaitsForBlock); }

uint64_t exchange(uint64_t value, unsigned source) {
  fibers[current].brought = value;
  const size_t warp = current / kWarp * kWarp;
  wait_for_warp();
  return fibers[warp + source].last;
}

int any_of_block(int value) {
  fibers[current].brought = static_cast<uint64_t>(value != 0);
  wait_for_block();
  for (size_t i = 0; i < blockDim.x; ++i) {
    if (fibers[i].last != 0) return 1;
  }
  return 0;
}

}  // namespace cuda_on_host
