#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::sys {

/// What a call that moves bytes did. "Would block" and end of file are values, EINTR is never seen.
struct io_result {
  enum class kind : std::uint8_t { moved, eof, would_block, failed };

  kind what = kind::moved;
  int error = 0;          ///< errno when failed
  std::size_t bytes = 0;  ///< more than 0 when moved

  static io_result moved(std::size_t n) noexcept { return {kind::moved, 0, n}; }
  static io_result eof() noexcept { return {kind::eof, 0, 0}; }
  static io_result would_block() noexcept { return {kind::would_block, 0, 0}; }
  static io_result failed(int error) noexcept { return {kind::failed, error, 0}; }
};

/// The calls a relay makes to move bytes. One virtual seam, so that tests can script every answer of the kernel; a
/// virtual call is a thousandth of the system call behind it.
///
/// Every descriptor is non-blocking; lengths are at most SSIZE_MAX (splice(2) answers EINVAL to more).
class stream_io {
 public:
  virtual ~stream_io() = default;

  /// splice(2) from a socket into the write end of a pipe, SPLICE_F_NONBLOCK. 0 from the kernel is eof.
  virtual io_result splice_in(int socket, int pipe_write, std::size_t length) noexcept = 0;
  /// splice(2) from the read end of a pipe to a socket. length must be exactly what the pipe holds (invariant I2).
  virtual io_result splice_out(int pipe_read, int socket, std::size_t length) noexcept = 0;
  /// The same with SPLICE_F_MORE, for bytes after which shutdown_write() or close(2) follows at once: the FIN then
  /// rides on the last segment (tcp_send_fin in net/ipv4/tcp_output.c). Whatever else follows would come up to 200 ms
  /// late.
  virtual io_result splice_out_before_fin(int pipe_read, int socket, std::size_t length) noexcept = 0;
  /// recv(2); 0 from the kernel is eof.
  virtual io_result receive(int socket, std::span<std::byte> into) noexcept = 0;
  /// recv(2) with MSG_PEEK.
  virtual io_result peek(int socket, std::span<std::byte> into) noexcept = 0;
  /// send(2) with MSG_NOSIGNAL.
  virtual io_result send(int socket, std::span<const std::byte> from) noexcept = 0;
  /// write(2) into a pipe.
  virtual io_result write_pipe(int pipe_write, std::span<const std::byte> from) noexcept = 0;
  /// read(2) from a pipe; 0 (no writer left) is eof.
  virtual io_result read_pipe(int pipe_read, std::span<std::byte> into) noexcept = 0;
  /// tee(2): the first bytes of one pipe into another, without taking them out. One call only: a second call would copy
  /// the same bytes again (docs/splice.md).
  virtual io_result tee(int pipe_read, int pipe_write, std::size_t length) noexcept = 0;
  /// shutdown(2) for writing; 0 or errno.
  virtual int shutdown_write(int socket) noexcept = 0;
  /// TCP_NODELAY; 0 or errno.
  virtual int set_nodelay(int socket) noexcept = 0;
  /// SO_ERROR, which the kernel clears by telling it; 0 if none.
  virtual int take_error(int socket) noexcept = 0;
};

/// The real ones. No state: one for the process is enough. Thread: any.
class kernel_stream_io final : public stream_io {
 public:
  io_result splice_in(int socket, int pipe_write, std::size_t length) noexcept override;
  io_result splice_out(int pipe_read, int socket, std::size_t length) noexcept override;
  io_result splice_out_before_fin(int pipe_read, int socket, std::size_t length) noexcept override;
  io_result receive(int socket, std::span<std::byte> into) noexcept override;
  io_result peek(int socket, std::span<std::byte> into) noexcept override;
  io_result send(int socket, std::span<const std::byte> from) noexcept override;
  io_result write_pipe(int pipe_write, std::span<const std::byte> from) noexcept override;
  io_result read_pipe(int pipe_read, std::span<std::byte> into) noexcept override;
  io_result tee(int pipe_read, int pipe_write, std::size_t length) noexcept override;
  int shutdown_write(int socket) noexcept override;
  int set_nodelay(int socket) noexcept override;
  int take_error(int socket) noexcept override;
};

}  // namespace sluice::sys
