#include <algorithm>
#include <exception>
#include <thread>
#include <vector>

#include "cpu/launch.h"

namespace tfvae::cpu {

ParallelFor with_threads(int threads) {
  return [threads](int64_t total, int64_t cost, const Body& body) {
    // Starting a thread costs about ten thousand cycles.
    constexpr int64_t kLeastCycles = 50000;
    const int64_t worth = total * std::max<int64_t>(cost, 1) / kLeastCycles;
    const int64_t parts = std::clamp<int64_t>(std::min<int64_t>(threads, worth), 1, std::max<int64_t>(total, 1));
    if (parts == 1) return serial(total, cost, body);
    // Exceptions are rethrown here, because an exception that leaves a thread ends the process.
    std::vector<std::exception_ptr> thrown(parts);
    const auto run = [&](int64_t part) {
      try {
        body(total * part / parts, total * (part + 1) / parts);
      } catch (...) {
        thrown[part] = std::current_exception();
      }
    };
    std::vector<std::thread> others;
    others.reserve(parts - 1);
    for (int64_t part = 1; part < parts; ++part) others.emplace_back(run, part);
    run(0);
    for (std::thread& other : others) other.join();
    for (const std::exception_ptr& error : thrown) {
      if (error) std::rethrow_exception(error);
    }
  };
}

}  // namespace tfvae::cpu
