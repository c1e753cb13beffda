#include "balance/allocation_count.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

// In a file of their own: inlined beside their callers, g++ 12 takes our pair of new and delete for a mismatch.

namespace {

std::atomic<std::size_t> count{0};

}  // namespace

namespace sluice::test {

std::size_t allocations() noexcept { return count.load(); }

}  // namespace sluice::test

void* operator new(std::size_t size) {
  ++count;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}

// AddressSanitizer brings its own of these: they have to be a pair with our delete.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++count;
  return std::malloc(size);
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
