#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/address.hpp"
#include "sluice/health_config.hpp"

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
/// What the addresses of a name are: ways to one backend, tried in order, or a backend each.
enum class resolve_mode : std::uint8_t { first, all };
/// What a DNS answer without a record does to the addresses of the last good one.
enum class empty_answer : std::uint8_t { keep, apply };
enum class balance_policy : std::uint8_t {
  round_robin,
  least_connections,
  random,
  power_of_two,
  first,
  source_hash,
  maglev,
  ewma
};
enum class full_action : std::uint8_t { wait, reset };
enum class down_action : std::uint8_t { reset, wait };
enum class leave_action : std::uint8_t { keep, drain, reset };
enum class log_level : std::uint8_t { debug, info, warning, error };
enum class log_format : std::uint8_t { automatic, text, json };

/// What is set on the sockets of one side of a session (keys `client` and `backend_side` of a service).
struct socket_config {
  bool nodelay = true;                          ///< TCP_NODELAY
  std::chrono::seconds keepalive{60};           ///< idle time before the first keepalive probe; 0 turns keepalive off
  std::chrono::seconds keepalive_interval{15};  ///< between two probes
  std::uint32_t keepalive_count = 4;            ///< unanswered probes; counts only where user_timeout is 0
  std::chrono::milliseconds user_timeout{300'000};  ///< TCP_USER_TIMEOUT; 0 leaves it to the kernel
  std::size_t buffer_limit = 1024 * 1024;  ///< bytes the kernel may hold unsent for one stalled reader; 0: no limit

  bool operator==(const socket_config&) const = default;
};

struct timeout_config {
  std::chrono::milliseconds connect{3'000};         ///< one attempt
  std::chrono::milliseconds connect_total{10'000};  ///< all attempts of a session together
  std::chrono::milliseconds queue{5'000};           ///< waiting for a backend that has room, or is back
  std::chrono::milliseconds idle{3'600'000};        ///< no byte in either direction; 0: never
  std::chrono::milliseconds half_close{300'000};    ///< the same once one end has finished; 0: never
  std::chrono::milliseconds reset_linger{1'000};    ///< how long bytes sent before a reset may take to be acknowledged
  std::chrono::milliseconds lifetime{0};            ///< a session is ended when it is so old; 0: never
  std::chrono::milliseconds warm{30'000};           ///< a spare connection is replaced when it is so old; 0: never
  std::uint32_t lifetime_jitter = 10;               ///< per cent of lifetime by which chance may shorten it

  bool operator==(const timeout_config&) const = default;
};

/// How much of a client's address the policies source-hash and maglev go by.
struct hash_config {
  std::uint32_t ipv4_prefix = 32;
  std::uint32_t ipv6_prefix = 128;

  bool operator==(const hash_config&) const = default;
};

struct maglev_config {
  std::uint32_t table_size = 65'537;  ///< a prime
  std::uint32_t load_factor = 0;      ///< percent of its share that a backend's sessions may reach; 0: no bound

  bool operator==(const maglev_config&) const = default;
};

struct ewma_config {
  std::chrono::milliseconds decay{10'000};  ///< after so long a measurement counts for 1/e

  bool operator==(const ewma_config&) const = default;
};

/// What a session does after an attempt to reach a backend failed.
struct retry_config {
  std::uint32_t attempts = 10;           ///< backends that a session is tried on
  std::chrono::milliseconds backoff{0};  ///< pause once all were tried, before they are again; 0: they are not
  std::uint32_t budget = 20;             ///< percent: retries for a hundred sessions; a floor comes on top

  bool operator==(const retry_config&) const = default;
};

/// How the sessions of a backend that is down or was removed are ended, unless they are kept.
struct leaving_config {
  std::chrono::milliseconds timeout{30'000};  ///< "drain": how long they may still finish by themselves
  std::uint32_t rate = 100;                   ///< then, or with "reset" at once: so many a second; 0: all in one go

  bool operator==(const leaving_config&) const = default;
};

/// After a backend has recovered or was added the oldest sessions on overloaded ones are ended, to spread anew.
struct rebalance_config {
  std::uint32_t rate = 0;     ///< sessions a second; 0: off
  std::uint32_t above = 125;  ///< per cent of its share by weight at which a backend counts as overloaded

  bool operator==(const rebalance_config&) const = default;
};

/// Every key that a service has and that `[defaults]` may give.
struct service_defaults {
  timeout_config timeouts;
  relay_mode relay = relay_mode::splice;
  balance_policy balance = balance_policy::round_robin;
  hash_config hash;
  maglev_config maglev;
  ewma_config ewma;
  full_action when_full = full_action::wait;
  down_action when_down = down_action::reset;
  std::string reply_file;                   ///< sent to clients for whom no backend can be had; empty: they are reset
  std::uint32_t queue_size = 1'000;         ///< clients that may wait for a backend
  std::uint32_t priority_overflow = 70;     ///< percent of a group's weight
  std::uint32_t panic = 0;                  ///< percent of all weight; 0: off
  std::chrono::milliseconds slow_start{0};  ///< 0: off
  retry_config retries;
  leave_action when_backend_down = leave_action::keep;
  leave_action when_backend_removed = leave_action::keep;
  leaving_config leaving;
  rebalance_config rebalance;
  std::uint32_t warm = 0;             ///< connections kept ready to each backend, of all workers together
  std::uint32_t max_connections = 0;  ///< sessions of one service at a time; 0: only the global limit
  std::uint32_t backlog = 4096;       ///< listen(2); the kernel caps it at net.core.somaxconn
  socket_config client;
  socket_config backend_side;
  health_config health;
  passive_config passive;
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
  resolve_mode resolve = resolve_mode::first;
  bool from_file = false;             ///< it stands in service_config::backends_file, not in the configuration
  std::uint32_t max_connections = 0;  ///< sessions at a time; 0: any number
  std::uint32_t priority = 0;         ///< its group; the lowest comes first
  bool backup = false;                ///< only when no other backend is left
  source_location where;
};

struct service_config : service_defaults {
  std::string name;
  std::vector<listener_config> listeners;
  std::vector<backend_config> backends;  ///< those of backends_file come last, as they were when it was loaded
  std::string backends_file;             ///< a file of further backends, read again when it changes; empty: none
  source_location where;
};

struct dns_config {
  std::vector<std::string> servers;            ///< "IP" or "IP:port"; empty: resolv.conf
  std::chrono::milliseconds timeout{2'000};    ///< one question to one server
  std::chrono::milliseconds ttl_min{1'000};    ///< an answer is good for so long even if its TTL is shorter
  std::chrono::milliseconds ttl_max{300'000};  ///< and for no longer than this
  empty_answer empty = empty_answer::keep;     ///< "no such name" and answers without a record
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
  std::uint32_t checks = 256;                    ///< health checks at a time, each a connection
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
