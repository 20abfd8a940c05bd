#include <algorithm>
#include <thread>
#include <vector>

#include "cpu/launch.h"

namespace tfvae::cpu {

ParallelFor with_threads(int threads) {
  return [threads](int64_t total, int64_t cost, const Body& body) {
    // A thread costs some ten thousand cycles to start.
    constexpr int64_t kLeastCycles = 50000;
    const int64_t worth = total * std::max<int64_t>(cost, 1) / kLeastCycles;
    const int64_t parts = std::clamp<int64_t>(std::min<int64_t>(threads, worth), 1, std::max<int64_t>(total, 1));
    if (parts == 1) return serial(total, cost, body);
    std::vector<std::thread> others;
    for (int64_t part = 1; part < parts; ++part) {
      others.emplace_back(body, total * part / parts, total * (part + 1) / parts);
    }
    body(0, total / parts);
    for (std::thread& other : others) other.join();
  };
}

}  // namespace tfvae::cpu
