#include "server/failing_frames.hpp"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

// In a file of their own: inlined beside their callers, g++ 12 takes our pair of new and delete for a mismatch.

namespace {

std::atomic<int> left{0};
std::atomic<std::size_t> count{0};

/// Frames come in multiples of 256 bytes (loop/frame_pool.cpp); nothing else that a session allocates does.
bool is_frame(std::size_t bytes) noexcept { return bytes % 256 == 0 && bytes <= 2048; }

bool is_to_fail(std::size_t bytes) noexcept { return left.load() > 0 && is_frame(bytes) && left.fetch_sub(1) == 1; }

}  // namespace

namespace sluice::test {

void fail_frame(int nth) noexcept { left = nth; }
int frames_to_fail() noexcept { return left; }
std::size_t allocations() noexcept { return count; }

}  // namespace sluice::test

void* operator new(std::size_t bytes) {
  ++count;
  if (!is_to_fail(bytes))
    if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}

// AddressSanitizer brings its own of these: they have to be a pair with our delete.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return std::malloc(bytes); }

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
