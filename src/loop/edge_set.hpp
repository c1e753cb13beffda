#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "loop/deadline_wheel.hpp"
#include "sys/edge_poll.hpp"

namespace sluice::loop {

/// Which of a session's sockets an edge belongs to.
enum class side : std::uint8_t { client = 0, backend = 1 };

/// Names a session by slot and generation, never by pointer: an event that outlives its session finds another
/// generation. Slots from first_spare up name spare connections, from first_listener up listeners, the last one the
/// mailbox.
struct edge_token {
  static constexpr std::uint32_t first_spare = 0xe000'0000U;
  static constexpr std::uint32_t first_listener = 0xf000'0000U;
  static constexpr std::uint32_t mailbox = 0xffff'ffffU;

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

/// Everything a worker waits for: sockets, listeners and its mailbox, each registered once, edge-triggered, for its
/// whole life. Thread: its worker's.
class edge_set {
 public:
  /// Throws std::system_error if the kernel gives no set.
  edge_set();

  /// 0 or errno.
  int add(int fd, edge_token token) noexcept { return poll_.add(fd, token.pack(), sys::edge_poll::all_edges); }
  int add_reader(int fd, edge_token token) noexcept { return poll_.add(fd, token.pack(), EPOLLIN); }
  int silence(int fd, edge_token token) noexcept {
    return poll_.modify(fd, token.pack(), sys::edge_poll::silent_edges);
  }
  int restore(int fd, edge_token token) noexcept { return poll_.modify(fd, token.pack(), sys::edge_poll::all_edges); }
  int remove(int fd) noexcept { return poll_.remove(fd); }

  static constexpr std::size_t most_edges = 256;

  /// Up to most_edges. Fewer are all there were. Waits for the first one until `due`, not at all if that is past; now
  /// is the clock's reading.
  std::span<const epoll_event> wait(time_ns now, time_ns due) noexcept;

 private:
  sys::edge_poll poll_;
  std::array<epoll_event, most_edges> events_;
};

}  // namespace sluice::loop
