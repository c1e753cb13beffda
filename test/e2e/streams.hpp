#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

#include "support/stream_peer.hpp"

/// A session that carries two position-coded streams at once, one each way.
namespace sluice::e2e {

struct two_streams {
  std::uint64_t to_backend = 0;  ///< bytes
  std::uint64_t to_client = 0;
  support::reading by_backend = {};
  support::reading by_client = {};
  int receive_buffer = 0;  ///< of both ends; 0: the kernel's
  std::size_t client_piece = 64 * 1024;
  std::size_t backend_piece = 64 * 1024;
};

struct two_results {
  support::stream_received at_backend;
  support::stream_received at_client;
};

/// The longest that either reader waited for a byte.
inline std::chrono::microseconds longest_wait(const two_results& got) {
  return std::max(got.at_backend.longest_wait, got.at_client.longest_wait);
}

/// Connects to `front`, accepts at the listener behind it; both ends send, say end of file and read until the other's.
/// Throws what either end throws.
two_results run_two_streams(const std::string& front, int backend_listener, const two_streams& how);

}  // namespace sluice::e2e
