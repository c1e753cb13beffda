#pragma once

#include <cstdint>

namespace sluice::sys {

/// CLOCK_MONOTONIC in nanoseconds: every deadline's clock.
std::int64_t monotonic_ns() noexcept;

/// CLOCK_REALTIME in microseconds since 1970: for log stamps only.
std::int64_t wall_us() noexcept;

}  // namespace sluice::sys
