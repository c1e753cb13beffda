#include "sys/clock.hpp"

#include <ctime>

namespace sluice::sys {
namespace {

timespec read(clockid_t clock) noexcept {
  timespec now{};
  ::clock_gettime(clock, &now);
  return now;
}

}  // namespace

std::int64_t monotonic_ns() noexcept {
  const timespec now = read(CLOCK_MONOTONIC);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

std::int64_t wall_us() noexcept {
  const timespec now = read(CLOCK_REALTIME);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
}

}  // namespace sluice::sys
