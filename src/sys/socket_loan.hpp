#pragma once

namespace sluice::sys {

/// What a relay needs of a stream socket that is somebody else's, and puts back: O_NONBLOCK (a splice from or to a
/// blocking socket waits, whatever its own flag says) and SO_OOBINLINE (recv would step over an urgent byte in
/// silence). O_NONBLOCK belongs to the open file description: whoever shares it by dup(2) or fork(2) sees it too.
/// Owns nothing. Thread: any, one at a time.
class socket_loan {
 public:
  /// error() is then 0, or errno: EBADF, ENOTSOCK, EPROTOTYPE (no stream socket), ENOTCONN (it listens).
  explicit socket_loan(int fd) noexcept;
  ~socket_loan() { give_back(); }
  socket_loan(const socket_loan&) = delete;
  socket_loan& operator=(const socket_loan&) = delete;

  int fd() const noexcept { return fd_; }
  int error() const noexcept { return error_; }
  /// Plain TCP over IPv4 or IPv6.
  bool is_tcp() const noexcept { return tcp_; }

  /// Puts back what was changed, once.
  void give_back() noexcept;
  /// The descriptor is closed or stays as it is.
  void keep() noexcept { was_blocking_ = had_oob_apart_ = false; }

 private:
  int fd_;
  int error_ = 0;
  bool tcp_ = false;
  bool was_blocking_ = false;
  bool had_oob_apart_ = false;
};

}  // namespace sluice::sys
