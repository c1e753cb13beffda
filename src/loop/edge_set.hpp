#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "sys/edge_poll.hpp"

namespace sluice::loop {

/// Which of a session's sockets an edge belongs to.
enum class side : std::uint8_t { client = 0, backend = 1 };

/// Names a session by slot and generation, never by pointer: an event that outlives its session finds another
/// generation.
struct edge_token {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;  ///< 31 bits
  side which = side::client;

  std::uint64_t pack() const noexcept {
    return (static_cast<std::uint64_t>(slot) << 32) | (generation << 1U) | static_cast<std::uint32_t>(which);
  }
  static edge_token unpack(std::uint64_t packed) noexcept {
    const auto low = static_cast<std::uint32_t>(packed);
    return {static_cast<std::uint32_t>(packed >> 32), low >> 1U, static_cast<side>(low & 1U)};
  }
};

/// A worker's sockets in one private epoll set, each registered once, edge-triggered, for its whole life; Asio watches
/// the set as one descriptor and so wakes the worker. Thread: its worker's.
class edge_set {
 public:
  /// on_ready runs in the io_context when there is something to harvest, once an arm().
  /// Throws boost::system::system_error if the kernel gives no set.
  edge_set(boost::asio::io_context& io, std::function<void()> on_ready);
  ~edge_set();
  edge_set(const edge_set&) = delete;
  edge_set& operator=(const edge_set&) = delete;

  int add(int fd, edge_token token) noexcept { return poll_.add(fd, token.pack(), sys::edge_poll::all_edges); }
  int silence(int fd, edge_token token) noexcept {
    return poll_.modify(fd, token.pack(), sys::edge_poll::silent_edges);
  }
  int restore(int fd, edge_token token) noexcept { return poll_.modify(fd, token.pack(), sys::edge_poll::all_edges); }
  int remove(int fd) noexcept { return poll_.remove(fd); }

  /// Asks Asio to wake the worker at the next edge, or at once if edges wait.
  void arm();

  /// Up to 256 edges, without waiting.
  std::span<const epoll_event> harvest() noexcept { return poll_.harvest(events_); }

 private:
  sys::edge_poll poll_;
  boost::asio::posix::stream_descriptor watched_;
  std::function<void()> on_ready_;
  std::array<epoll_event, 256> events_;
};

}  // namespace sluice::loop
