#include "support/allocation_count.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

// In a file of their own: inlined beside their callers, g++ 12 takes our pair of new and delete for a mismatch.

namespace {

std::atomic<std::size_t> count{0};
thread_local std::size_t count_here = 0;

}  // namespace

namespace sluice::support {

std::size_t allocations() noexcept { return count.load(); }
std::size_t allocations_here() noexcept { return count_here; }

}  // namespace sluice::support

// The other forms end in these. AddressSanitizer brings its own: they have to be a pair with our delete.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++count;
  ++count_here;
  return std::malloc(size);
}

void* operator new(std::size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
