#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "sys/unique_fd.hpp"

namespace sluice::e2e {

/// Both ends of a session that has come about.
struct connected_ends {
  sys::unique_fd client;
  sys::unique_fd backend;
};

/// Connects to `front` and accepts at the listener behind it. Throws if that does not come in time.
connected_ends connect_ends(const std::string& front, int backend_listener);

/// Sends a position-coded stream until nobody on the way takes more: both sockets' buffers and the pipe are full, or
/// the connection is broken.
/// Returns the number of bytes sent.
std::uint64_t send_stream_until_full(int fd, std::uint64_t seed);

}  // namespace sluice::e2e
