#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice {

/// Why a session ended: one closed list for logs, metrics, API and docs (docs/operations.md has an entry for each).
enum class close_reason : std::uint8_t {
  client_fin,           ///< both ends said end of file, the client first; or it left while it waited for a backend
  backend_fin,          ///< both ends said end of file, the backend first
  client_reset,         ///< the client's connection was reset
  backend_reset,        ///< the backend's connection was reset
  client_unreachable,   ///< the client stopped answering: keepalive, TCP_USER_TIMEOUT or the network said so
  backend_unreachable,  ///< the backend stopped answering
  idle_timeout,         ///< no byte moved in either direction for timeouts.idle
  half_close_timeout,   ///< one end had finished and no byte moved for timeouts.half_close
  connect_failed,       ///< every backend tried refused or was unreachable
  connect_timeout,      ///< no backend answered within timeouts.connect and timeouts.connect_total
  no_backend,           ///< there was no backend address to try (names not resolved)
  no_resources,         ///< descriptors, ports or memory ran out while connecting
  queue_full,           ///< every backend was at its max_connections, and queue.size clients waited already
  queue_timeout,        ///< no backend had room, or was back, within timeouts.queue
  replied,              ///< no backend could be had: the client was sent the file of `reply`
  drained,              ///< reset at the end of drain.timeout, or by a second signal
  lifetime,             ///< it was as old as timeouts.lifetime allows
  backend_left,         ///< its backend was down or no longer configured, and when_backend_... is drain or reset
  rebalanced,           ///< ended by rebalance, to come back on a backend that has fewer
  relay_error,          ///< the kernel refused to move bytes for another reason; the log has the error
};

inline constexpr std::size_t close_reason_count = static_cast<std::size_t>(close_reason::relay_error) + 1;

/// The word for it, as logs and metrics print it: "client_fin".
constexpr std::string_view to_string(close_reason reason) noexcept {
  switch (reason) {
    case close_reason::client_fin: return "client_fin";
    case close_reason::backend_fin: return "backend_fin";
    case close_reason::client_reset: return "client_reset";
    case close_reason::backend_reset: return "backend_reset";
    case close_reason::client_unreachable: return "client_unreachable";
    case close_reason::backend_unreachable: return "backend_unreachable";
    case close_reason::idle_timeout: return "idle_timeout";
    case close_reason::half_close_timeout: return "half_close_timeout";
    case close_reason::connect_failed: return "connect_failed";
    case close_reason::connect_timeout: return "connect_timeout";
    case close_reason::no_backend: return "no_backend";
    case close_reason::no_resources: return "no_resources";
    case close_reason::queue_full: return "queue_full";
    case close_reason::queue_timeout: return "queue_timeout";
    case close_reason::replied: return "replied";
    case close_reason::drained: return "drained";
    case close_reason::lifetime: return "lifetime";
    case close_reason::backend_left: return "backend_left";
    case close_reason::rebalanced: return "rebalanced";
    case close_reason::relay_error: return "relay_error";
  }
  return "unknown";
}

}  // namespace sluice
