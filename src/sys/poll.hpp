#pragma once

#include <poll.h>

#include <cstdint>
#include <span>

#include "sys/unique_fd.hpp"

namespace sluice::sys {

/// ppoll(2), for up to timeout_ns (negative: for as long as it takes). How many descriptors have something to tell; a
/// signal ends the wait early with 0. Negative descriptors are passed over.
int poll(std::span<pollfd> descriptors, std::int64_t timeout_ns) noexcept;

/// An eventfd(2): readable for good once it was raised. Thread: raise() any.
class wake_flag {
 public:
  /// fd() is -1 if the kernel gives none.
  wake_flag() noexcept;
  int fd() const noexcept { return fd_.get(); }
  void raise() const noexcept;

 private:
  unique_fd fd_;
};

}  // namespace sluice::sys
