#pragma once

#include <cstddef>

namespace sluice::test {

/// Of the allocations to come that are of a coroutine's frame, the nth throws std::bad_alloc. Thread: any.
void fail_frame(int nth) noexcept;

/// What is left of n; 0 once the allocation has failed.
int frames_to_fail() noexcept;

/// The nth allocation that any thread but this one makes from here on throws std::bad_alloc. 0 calls it off.
void fail_allocation_elsewhere(int nth) noexcept;
/// What is left of n; 0 once the allocation has failed.
int allocations_to_fail() noexcept;

/// How often this program has called operator new. Thread: any.
std::size_t allocations() noexcept;

}  // namespace sluice::test
