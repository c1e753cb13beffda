#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sluice::bench::lab {

/// What one run of a technique cost the thread that did it.
struct measured {
  std::uint64_t bytes = 0;
  std::uint64_t calls = 0;
  double cpu_seconds = 0;  ///< user and system
  double wall_seconds = 0;
};

/// Runs `work` on this thread and says what it took.
measured measure(std::uint64_t bytes, const std::function<void()>& work);

/// Each figure's median by itself.
measured median_of(const std::vector<measured>& runs);

/// The thread under measurement gets the first processor this process may use, all others share the last.
enum class place { measured, others };
void keep_to(place where);

}  // namespace sluice::bench::lab
