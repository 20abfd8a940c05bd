#include "ffi/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace tfvae::ffi {
namespace {

// Below this many cycles, handing a part to another thread costs more than running it.
constexpr int64_t kPart = 50'000;
// Parts per thread, so that a slow thread does not keep the others waiting.
constexpr int64_t kPartsPerThread = 4;

// The parts of one call; each thread takes the next free part. A handler may itself run on a thread of the pool, so the
// caller takes parts too and never waits for a task that has not begun, which later finds no part and does nothing.
class Parts {
 public:
  Parts(int64_t total, int64_t count, const cpu::Body* body) : total_(total), count_(count), body_(body) {}

  void run() {
    for (int64_t part = next_++; part < count_; part = next_++) {
      (*body_)(total_ * part / count_, total_ * (part + 1) / count_);
      std::lock_guard<std::mutex> lock(mutex_);
      if (++done_ == count_) all_done_.notify_all();
    }
  }

  void wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    all_done_.wait(lock, [this] { return done_ == count_; });
  }

 private:
  const int64_t total_, count_;
  const cpu::Body* const body_;
  std::atomic<int64_t> next_{0};
  int64_t done_ = 0;
  std::mutex mutex_;
  std::condition_variable all_done_;
};

}  // namespace

cpu::ParallelFor with_pool(const xla::ffi::ThreadPool& pool) {
  return [&pool](int64_t total, int64_t cost, const cpu::Body& body) {
    const int64_t threads = std::max<int64_t>(pool.num_threads(), 1);
    // In floating point, because total * cost may exceed 2^63.
    const double worth = static_cast<double>(total) * static_cast<double>(std::max<int64_t>(cost, 1)) / kPart;
    const int64_t most = std::min(total, threads * kPartsPerThread);
    const int64_t count = worth < static_cast<double>(most) ? static_cast<int64_t>(worth) : most;
    if (threads == 1 || count <= 1) return cpu::serial(total, cost, body);
    auto parts = std::make_shared<Parts>(total, count, &body);
    // The pool's Schedule is not const, although it does not change the handle.
    xla::ffi::ThreadPool handle = pool;
    for (int64_t helper = 1; helper < std::min(threads, count); ++helper) handle.Schedule([parts] { parts->run(); });
    parts->run();
    parts->wait();
  };
}

}  // namespace tfvae::ffi
