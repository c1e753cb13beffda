#include "support/many_runs.hpp"

#include <atomic>
#include <exception>
#include <future>
#include <vector>

namespace sluice::support {

void many_runs(std::size_t runs, std::size_t threads, const std::function<void(std::size_t)>& one) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t n = next++; n < runs; n = next++) {
      try {
        one(n);
      } catch (...) {
        next = runs;
        throw;
      }
    }
  };
  std::vector<std::future<void>> working;
  for (std::size_t i = 0; i < threads; ++i) working.push_back(std::async(std::launch::async, work));
  std::exception_ptr first;
  for (auto& thread : working) {
    try {
      thread.get();
    } catch (...) {
      if (!first) first = std::current_exception();
    }
  }
  if (first) std::rethrow_exception(first);
}

}  // namespace sluice::support
