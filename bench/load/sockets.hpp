#pragma once

#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace sluice::bench {

/// Owns a descriptor; closes it once.
class unique_fd {
 public:
  unique_fd() = default;
  explicit unique_fd(int fd) : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~unique_fd();

  int get() const { return fd_; }
  void close();

 private:
  int fd_ = -1;
};

[[noreturn]] void throw_errno(const std::string& what);

/// A non-blocking listener at every address of the loopback device whose clients inherit TCP_NODELAY. Throws
/// std::system_error.
unique_fd listen_on(std::uint16_t port);
/// The next client, non-blocking, or an empty descriptor when there is none.
unique_fd accept_from(const unique_fd& listener);
/// A non-blocking connect on 127.0.0.1 under way. Throws std::system_error if it fails at once.
unique_fd start_connect(std::uint16_t port);
/// A close from here on is a reset.
void reset_on_close(const unique_fd& socket);

/// From here on the kernel sends no faster than this.
void pace(const unique_fd& socket, std::uint32_t bytes_a_second);

/// What to make of a recv or send that returned `result`: bytes moved, nothing now, or the stream is over.
enum class io_state { moved, not_now, ended };
struct io_result {
  io_state state = io_state::not_now;
  std::size_t bytes = 0;
};
io_result receive(int fd, std::span<std::byte> into);
constexpr std::size_t largest_chunk_bytes = 1 << 20;
/// Takes up to `at_most` (no more than largest_chunk_bytes) off the stream and throws it away in the kernel.
io_result discard(int fd, std::size_t at_most);
io_result transmit(int fd, std::span<const std::byte> from);

/// An epoll set whose entries carry a pointer. Thread: one.
class event_set {
 public:
  event_set();
  void add(int fd, std::uint32_t interest, void* tag);
  void change(int fd, std::uint32_t interest, void* tag);
  /// Fills `into`; waits at most `milliseconds`.
  std::span<epoll_event> wait(std::span<epoll_event> into, int milliseconds);

 private:
  unique_fd set_;
};

}  // namespace sluice::bench
