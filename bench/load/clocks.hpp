#pragma once

#include <cstdint>
#include <ctime>
#include <stdexcept>

namespace sluice::bench {

inline std::uint64_t nanoseconds_of(clockid_t clock) {
  timespec now{};
  if (clock_gettime(clock, &now) != 0) throw std::runtime_error("clock_gettime: no such clock (did the process end?)");
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

inline std::uint64_t now_ns() { return nanoseconds_of(CLOCK_MONOTONIC); }

}  // namespace sluice::bench
