#pragma once

#include <cstddef>

namespace sluice::loop {

/// Free lists of coroutine frames, one a thread: a worker's set-ups reuse each other's frames and allocate nothing once
/// warm. Frames must be freed by the thread that made them, which holds for everything on a worker.
struct pooled_frame {
  static void* operator new(std::size_t bytes);
  static void operator delete(void* frame, std::size_t bytes) noexcept;
};

}  // namespace sluice::loop
