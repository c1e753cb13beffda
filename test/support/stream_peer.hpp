#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "support/wait.hpp"
#include "sys/socket_address.hpp"
#include "sys/unique_fd.hpp"

/// One end of a position-coded stream (byte_stream.hpp) over a socket.
namespace sluice::support {

/// Sends the stream's bytes [from, from + n). Throws when a piece is not taken in time, or the socket fails.
void send_stream(int fd, std::uint64_t seed, std::uint64_t n, std::uint64_t from = 0,
                 std::size_t piece_bytes = 64 * 1024);

enum class stream_end {
  eof,
  reset,
  enough,     ///< all that was asked for came
  silence,    ///< nothing came for the whole timeout
  corrupted,  ///< a byte that is not the stream's
};

struct stream_received {
  std::uint64_t bytes = 0;  ///< right ones, from the beginning
  stream_end end = stream_end::silence;
  std::chrono::microseconds longest_wait{0};  ///< for the next bytes, the first ones apart
};

struct reading {
  std::uint64_t most = UINT64_MAX;  ///< enough after so many
  std::size_t piece_bytes = 64 * 1024;
  /// A slow reader: before each piece it lets its receive queue fill up, for as long as this at most.
  std::chrono::microseconds linger{0};
  std::chrono::milliseconds timeout = patience;
};

stream_received receive_stream(int fd, std::uint64_t seed, const reading& how = {});

/// True if the connection is over, which for an end that has not closed it means that it was reset. Unlike the socket's
/// error it is still there after somebody has seen it.
bool was_reset(int fd);

/// SO_RCVBUF: makes the peers of a slow reader wait early. On a listener, for those it will accept: on a connection TCP
/// has already promised a window, and crawls from one probe to the next if it shrinks.
void set_receive_buffer(int listener, int bytes);
/// Connects with such a receive buffer; 0 leaves the kernel's.
sys::unique_fd connect_with_receive_buffer(const sys::socket_address& address, int bytes);

}  // namespace sluice::support
