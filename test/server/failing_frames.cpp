#include "server/failing_frames.hpp"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

// In a file of their own: inlined beside their callers, g++ 12 takes our pair of new and delete for a mismatch.

namespace {

std::atomic<int> left{0};
std::atomic<std::size_t> count{0};
std::atomic<int> left_elsewhere{0};
thread_local bool is_spared = false;

/// Frames come in multiples of 256 bytes (loop/frame_pool.cpp); nothing else that a session allocates does.
bool is_frame(std::size_t bytes) noexcept { return bytes % 256 == 0 && bytes <= 2048; }

bool is_to_fail(std::size_t bytes) noexcept { return left.load() > 0 && is_frame(bytes) && left.fetch_sub(1) == 1; }

bool is_to_fail_here() noexcept { return left_elsewhere.load() > 0 && !is_spared && left_elsewhere.fetch_sub(1) == 1; }

}  // namespace

namespace sluice::test {

void fail_allocation_elsewhere(int nth) noexcept {
  is_spared = true;
  left_elsewhere = nth;
}
int allocations_to_fail() noexcept { return left_elsewhere; }

void fail_frame(int nth) noexcept { left = nth; }
int frames_to_fail() noexcept { return left; }
std::size_t allocations() noexcept { return count; }

}  // namespace sluice::test

void* operator new(std::size_t bytes) {
  ++count;
  if (!is_to_fail(bytes) && !is_to_fail_here())
    if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}

// AddressSanitizer brings its own of these: they have to be a pair with our delete.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return is_to_fail_here() ? nullptr : std::malloc(bytes);
}

// What Asio allocates its operations by.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  void* memory = nullptr;
  if (is_to_fail_here()) return nullptr;
  return ::posix_memalign(&memory, alignment, bytes) == 0 ? memory : nullptr;
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
