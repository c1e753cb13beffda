#pragma once

#include <cstddef>

namespace sluice::test {

/// How often this program has called operator new. Thread: any.
std::size_t allocations() noexcept;

}  // namespace sluice::test
