#pragma once

#include <cstddef>

/// Link sluice_allocation_count to count what operator new is called for.
namespace sluice::support {

/// How often this program has called operator new. Thread: any.
std::size_t allocations() noexcept;
/// How often this thread has.
std::size_t allocations_here() noexcept;

}  // namespace sluice::support
