#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/close_reason.hpp"

namespace sluice {

/// Why bytes were copied through user space instead of spliced.
enum class fallback_reason : std::uint8_t {
  configured,     ///< relay = "copy"
  no_pipe,        ///< the pool had none to lend and the kernel gave none
  invalid,        ///< EINVAL: not for this descriptor
  not_supported,  ///< ENOSYS or EOPNOTSUPP
  not_permitted,  ///< EPERM or EACCES: a sandbox forbids it
  no_memory,      ///< ENOMEM or ENOBUFS from splice
  urgent_data,    ///< a byte of urgent data was stepped over
};

inline constexpr std::size_t fallback_reason_count = 7;

constexpr std::string_view to_string(fallback_reason reason) noexcept {
  switch (reason) {
    case fallback_reason::configured: return "configured";
    case fallback_reason::no_pipe: return "no_pipe";
    case fallback_reason::invalid: return "invalid";
    case fallback_reason::not_supported: return "not_supported";
    case fallback_reason::not_permitted: return "not_permitted";
    case fallback_reason::no_memory: return "no_memory";
    case fallback_reason::urgent_data: return "urgent_data";
  }
  return "unknown";
}

/// What the relay has done and holds. All counts since start, except the three pipe gauges.
struct relay_stats {
  std::uint64_t bytes_spliced = 0;
  std::uint64_t bytes_copied = 0;
  std::uint64_t fills = 0;
  std::uint64_t drains = 0;
  std::array<std::uint64_t, fallback_reason_count> fallbacks{};
  std::uint64_t lost_edges = 0;  ///< must stay 0: the net under the event loop caught something
  std::uint64_t pipes_in_use = 0;
  std::uint64_t pipes_cached = 0;
  std::uint64_t pipe_pages = 0;
  std::uint64_t pipes_refused = 0;  ///< asked for and not to be had
  std::uint64_t pipes_short = 0;    ///< granted by the kernel with fewer slots than a small pipe
  std::uint64_t pipes_killed = 0;   ///< closed with bytes in them
};

/// A snapshot of the whole process.
struct stats {
  std::uint64_t accepted = 0;
  std::uint64_t active = 0;
  std::uint64_t rejected = 0;       ///< reset because a limit was reached
  std::uint64_t accept_pauses = 0;  ///< times a listener rested for want of descriptors, memory or permits
  std::uint64_t connect_failures = 0;
  std::uint64_t retries = 0;          ///< attempts on another backend after one had failed
  std::uint64_t retries_refused = 0;  ///< that the retry budget of a service did not allow
  std::uint64_t queued = 0;           ///< sessions that waited for a backend, since start
  std::uint64_t waiting = 0;          ///< those that wait now
  std::uint64_t queue_wait_ns = 0;    ///< time that those who wait no longer have waited, all together
  std::uint64_t spares_made = 0;      ///< connections to backends that stood ready (`warm`)
  std::uint64_t spares_used = 0;      ///< ... and were given to a session
  std::uint64_t spares_lost = 0;      ///< ... and were closed by their backend before
  std::uint64_t log_dropped = 0;
  std::uint64_t received_from_clients = 0;
  std::uint64_t sent_to_clients = 0;
  std::array<std::uint64_t, close_reason_count> closed{};
  relay_stats relay;
};

}  // namespace sluice
