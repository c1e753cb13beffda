#pragma once

#include <cstdint>

namespace sluice::log::test {

/// How often this thread has allocated memory with new.
std::uint64_t allocations() noexcept;

}  // namespace sluice::log::test
