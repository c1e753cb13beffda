#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <span>

#include "sys/unique_fd.hpp"

namespace sluice::sys {

/// epoll(7), edge-triggered only. Thread: any, one at a time.
class edge_poll {
 public:
  static constexpr std::uint32_t all_edges = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI;
  /// A source that nobody can read now: IN and PRI go (with PRI left in, edges go on), errors are always told.
  static constexpr std::uint32_t silent_edges = EPOLLOUT | EPOLLRDHUP;

  /// error() says why if the kernel gives no set.
  edge_poll() noexcept;

  int fd() const noexcept { return set_.get(); }
  int error() const noexcept { return error_; }

  /// 0 or errno.
  int add(int fd, std::uint64_t token, std::uint32_t edges) noexcept;
  /// Changes what is told; what is there already is told again.
  int modify(int fd, std::uint64_t token, std::uint32_t edges) noexcept;
  int remove(int fd) noexcept;

  /// What has happened since the last call; waits up to timeout_ms for the first event (-1: for as long as it takes).
  /// Each event's data.u64 is the token. A signal ends the wait early, with nothing.
  std::span<const epoll_event> wait(std::span<epoll_event> into, int timeout_ms) noexcept;

 private:
  unique_fd set_;
  int error_ = 0;
};

}  // namespace sluice::sys
