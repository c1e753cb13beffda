#pragma once

#include <cstdint>
#include <string>

#include "sys/unique_fd.hpp"

namespace sluice::sys {

/// A non-blocking inotify descriptor; empty if the kernel gives none.
unique_fd make_inotify() noexcept;

/// Tells of whatever happens to the entries of a directory, and of its end. Again for one that is watched already does
/// nothing. 0 or errno.
int watch_directory(int inotify, const std::string& path) noexcept;

enum class directory_news : std::uint8_t {
  none,
  being_written,  ///< the last that happened is that somebody wrote into a file
  settled,        ///< it is that a file was closed by its writer, or came, went or was renamed
};

/// Takes all events that wait.
directory_news read_directory_news(int inotify) noexcept;

}  // namespace sluice::sys
