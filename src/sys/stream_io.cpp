#include "sys/stream_io.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/call.hpp"
#include "sys/socket.hpp"

namespace sluice::sys {
namespace {

/// Runs a call until a signal no longer interrupts it, and sorts its answer. zero_is_eof: what 0 means for this call.
template <typename Call>
io_result sorted(bool zero_is_eof, Call call) noexcept {
  ssize_t n;
  do {
    n = call();
  } while (n < 0 && errno == EINTR);
  if (n > 0) return io_result::moved(static_cast<std::size_t>(n));
  if (n == 0) return zero_is_eof ? io_result::eof() : io_result::would_block();
  if (errno == EAGAIN || errno == EWOULDBLOCK) return io_result::would_block();
  return io_result::failed(errno);
}

long splice(int from, int to, std::size_t length, unsigned flags = 0) noexcept {
  constexpr off_t* no_offset = nullptr;
  return call(SYS_splice, from, no_offset, to, no_offset, length, SPLICE_F_NONBLOCK | flags);
}

}  // namespace

io_result kernel_stream_io::splice_in(int socket, int pipe_write, std::size_t length) noexcept {
  return sorted(true, [&] { return splice(socket, pipe_write, length); });
}

io_result kernel_stream_io::splice_out(int pipe_read, int socket, std::size_t length) noexcept {
  return sorted(false, [&] { return splice(pipe_read, socket, length); });
}

io_result kernel_stream_io::splice_out_before_fin(int pipe_read, int socket, std::size_t length) noexcept {
  return sorted(false, [&] { return splice(pipe_read, socket, length, SPLICE_F_MORE); });
}

io_result kernel_stream_io::receive(int socket, std::span<std::byte> into) noexcept {
  return sorted(true, [&] { return ::recv(socket, into.data(), into.size(), MSG_DONTWAIT); });
}

io_result kernel_stream_io::peek(int socket, std::span<std::byte> into) noexcept {
  return sorted(true, [&] { return ::recv(socket, into.data(), into.size(), MSG_DONTWAIT | MSG_PEEK); });
}

io_result kernel_stream_io::send(int socket, std::span<const std::byte> from) noexcept {
  return sorted(false, [&] { return ::send(socket, from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
}

io_result kernel_stream_io::write_pipe(int pipe_write, std::span<const std::byte> from) noexcept {
  return sorted(false, [&] { return ::write(pipe_write, from.data(), from.size()); });
}

io_result kernel_stream_io::read_pipe(int pipe_read, std::span<std::byte> into) noexcept {
  return sorted(true, [&] { return ::read(pipe_read, into.data(), into.size()); });
}

io_result kernel_stream_io::tee(int pipe_read, int pipe_write, std::size_t length) noexcept {
  return sorted(false, [&] { return ::tee(pipe_read, pipe_write, length, SPLICE_F_NONBLOCK); });
}

int kernel_stream_io::shutdown_write(int socket) noexcept { return ::shutdown(socket, SHUT_WR) == 0 ? 0 : errno; }

int kernel_stream_io::set_nodelay(int socket) noexcept { return set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1); }

int kernel_stream_io::take_error(int socket) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace sluice::sys
