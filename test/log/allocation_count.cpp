#include "log/allocation_count.hpp"

#include <cstdlib>
#include <new>

// A file of its own: inlined into their callers, these look like a new that is freed.

namespace {
thread_local std::uint64_t count = 0;
}

// The other forms of new and delete end in these.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++count;
  return std::malloc(size);
}
void* operator new(std::size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace sluice::log::test {

std::uint64_t allocations() noexcept { return count; }

}  // namespace sluice::log::test
