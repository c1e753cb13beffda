#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluice::bench {

inline std::uint64_t nanoseconds_of(clockid_t clock) {
  timespec now{};
  if (clock_gettime(clock, &now) != 0) throw std::runtime_error("clock_gettime: no such clock (did the process end?)");
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

inline std::uint64_t now_ns() { return nanoseconds_of(CLOCK_MONOTONIC); }

/// CPU time of whole processes, threads that ended included, to the nanosecond: what /proc/PID/stat shows in ticks of
/// 10 ms. Children are processes of their own and must be named too. Throws std::runtime_error when a process is gone.
class cpu_meter {
 public:
  explicit cpu_meter(const std::vector<pid_t>& processes) {
    for (const pid_t pid : processes) {
      clockid_t clock{};
      if (clock_getcpuclockid(pid, &clock) != 0) throw std::runtime_error("no such process: " + std::to_string(pid));
      clocks_.push_back(clock);
    }
  }

  std::uint64_t read_ns() const {
    std::uint64_t sum = 0;
    for (const clockid_t clock : clocks_) sum += nanoseconds_of(clock);
    return sum;
  }

 private:
  std::vector<clockid_t> clocks_;
};

}  // namespace sluice::bench
