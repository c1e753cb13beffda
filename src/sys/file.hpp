#pragma once

#include <cstdint>
#include <string>

#include "sys/socket.hpp"
#include "sys/stream_io.hpp"

namespace sluice::sys {

/// A regular file opened for reading, CLOEXEC, and its size; EISDIR or EINVAL for what is none.
struct open_file {
  unique_fd fd;
  int error = 0;
  std::uint64_t bytes = 0;
};
open_file open_regular_file(const std::string& path) noexcept;

/// sendfile(2) of up to `length` bytes from `offset` on, non-blocking as the socket is; the file's own position is left
/// alone, so that many may send it at a time. eof: the file ends before.
io_result send_file(int socket, int file, std::uint64_t offset, std::size_t length) noexcept;

}  // namespace sluice::sys
