#pragma once

#include <cstddef>
#include <cstdint>

#include "sys/unique_fd.hpp"

namespace sluice::sys {

/// A pipe(7), both ends O_NONBLOCK and O_CLOEXEC, with the size that the kernel granted.
struct pipe_pair {
  unique_fd read;
  unique_fd write;
  std::uint32_t slots = 0;  ///< F_GETPIPE_SZ / page size: how many fragments fit (docs/splice.md)
  int error = 0;            ///< errno of pipe2 when there is no pipe

  explicit operator bool() const noexcept { return static_cast<bool>(read); }
};

/// Makes a pipe of the kernel's default size, or asks for `bytes` once if it isn't 0. The size granted is read back, so
/// that a pipe over /proc/sys/fs/pipe-user-pages-soft shows (two slots, pipe(7)).
pipe_pair make_pipe(std::size_t bytes) noexcept;

/// Bytes waiting in a pipe (FIONREAD); -1 if the kernel won't say.
long pipe_bytes(int read_end) noexcept;

/// What /proc/sys/fs says about pipes; the kernel's defaults where it can't be read.
struct pipe_limits {
  std::size_t max_bytes = 1024 * 1024;   ///< pipe-max-size
  std::size_t user_pages_soft = 16'384;  ///< pipe-user-pages-soft; 0 means no limit
};
pipe_limits read_pipe_limits() noexcept;

std::size_t page_size() noexcept;

}  // namespace sluice::sys
