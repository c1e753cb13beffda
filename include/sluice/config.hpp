#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/address.hpp"

namespace sluice {

/// Where a value was written, for messages: "/etc/sluice/sluice.toml" 12:8, "SLUICE_LOG_LEVEL", "--workers".
/// line and column count from 1; 0 means the source has no lines. Mappings of "command line" and "SLUICE_FORWARD" have
/// one each: their number is the line.
struct source_location {
  std::string source;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

/// "path:12:8", or just the source where there are no lines.
std::string to_string(const source_location& where);

enum class relay_mode : std::uint8_t { splice, copy };
enum class balance_policy : std::uint8_t { round_robin };
enum class full_action : std::uint8_t { wait, reset };
enum class log_level : std::uint8_t { debug, info, warning, error };
enum class log_format : std::uint8_t { automatic, text, json };

/// What is set on the sockets of one side of a session (keys `client` and `backend_side` of a service).
struct socket_config {
  bool nodelay = true;                        ///< TCP_NODELAY
  std::chrono::seconds keepalive{60};         ///< idle time before the first keepalive probe; 0 turns keepalive off
  std::chrono::milliseconds user_timeout{0};  ///< TCP_USER_TIMEOUT; 0 leaves it to the kernel
  std::size_t buffer_limit = 1024 * 1024;     ///< bytes the kernel may hold unsent for one stalled reader; 0: no limit

  bool operator==(const socket_config&) const = default;
};

struct timeout_config {
  std::chrono::milliseconds connect{3'000};         ///< one attempt
  std::chrono::milliseconds connect_total{10'000};  ///< all attempts of a session together
  std::chrono::milliseconds idle{3'600'000};        ///< no byte in either direction; 0: never
  std::chrono::milliseconds half_close{300'000};    ///< the same once one end has finished; 0: never
  std::chrono::milliseconds reset_linger{1'000};    ///< how long bytes sent before a reset may take to be acknowledged

  bool operator==(const timeout_config&) const = default;
};

/// Every key that a service has and that `[defaults]` may give.
struct service_defaults {
  timeout_config timeouts;
  relay_mode relay = relay_mode::splice;
  balance_policy balance = balance_policy::round_robin;
  full_action when_full = full_action::wait;
  std::uint32_t max_connections = 0;  ///< sessions of one service at a time; 0: only the global limit
  std::uint32_t backlog = 4096;       ///< listen(2); the kernel caps it at net.core.somaxconn
  socket_config client;
  socket_config backend_side;
};

struct listener_config {
  address listen;
  std::uint32_t mode = 0666;  ///< unix paths: permission bits of the socket file
  std::string owner;          ///< unix paths: "user", "user:group" or ":group"; empty leaves it
  source_location where;
};

struct backend_config {
  address target;
  std::uint32_t weight = 1;
  source_location where;
};

struct service_config : service_defaults {
  std::string name;
  std::vector<listener_config> listeners;
  std::vector<backend_config> backends;
  source_location where;
};

struct dns_config {
  std::vector<std::string> servers;          ///< "IP" or "IP:port"; empty: resolv.conf
  std::chrono::milliseconds timeout{2'000};  ///< one question to one server
};

struct drain_config {
  std::chrono::milliseconds grace{0};         ///< go on accepting for so long after SIGTERM
  std::chrono::milliseconds timeout{25'000};  ///< then let sessions finish for so long
};

struct log_config {
  log_level level = log_level::info;
  log_format format = log_format::automatic;
  bool access = true;             ///< one record a session, at its close
  std::string output = "stderr";  ///< "stderr", "stdout" or a file's path
};

struct limit_config {
  std::optional<std::uint32_t> max_connections;  ///< unset: computed from the descriptor limit
  std::optional<std::uint32_t> workers;          ///< unset: processors this process may use
};

/// The whole configuration, complete: defaults are filled in, names are unique, `check` has passed.
struct config {
  std::vector<service_config> services;
  dns_config dns;
  drain_config drain;
  log_config log;
  limit_config limits;
};

}  // namespace sluice
