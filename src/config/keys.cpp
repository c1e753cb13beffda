#include "config/keys.hpp"

#include <algorithm>

namespace sluice::conf {
namespace {

constexpr std::uint64_t second = 1'000;
constexpr std::uint64_t year = 365ULL * 86'400 * second;
constexpr bounds any_duration{0, year};
constexpr bounds some_duration{1, year};
constexpr bounds keepalive_duration{0, 32'767 * second};  // what TCP_KEEPIDLE takes
constexpr bounds user_timeout_duration{0, INT32_MAX};     // TCP_USER_TIMEOUT is an int of milliseconds
constexpr bounds any_count{0, UINT32_MAX};
constexpr bounds backlog_count{1, INT32_MAX};
constexpr bounds session_count{1, UINT32_MAX};
constexpr bounds worker_count{1, 1'024};

config_key special(std::string name, key_type type, std::string value, std::string doc) {
  return {std::move(name), type, std::move(value), {}, std::move(doc), {}};
}

config_key described(std::string name, const slot& value, std::string_view doc) {
  std::string environment = environment_name(name);
  return {std::move(name), type_of(value), print(value), words_of(value), std::string(doc), std::move(environment)};
}

std::vector<config_key> describe_all() {
  std::vector<config_key> keys;
  keys.push_back(special("version", key_type::count, "1", "The version of this file's format."));
  keys.push_back(special("forward", key_type::table, "", "Port mappings, one a line: LISTEN = \"TARGET\"."));
  service_defaults defaults;
  for (const service_row& row : service_rows()) {
    keys.push_back(described("defaults." + std::string(row.name), row.find(defaults), row.doc));
  }
  keys.push_back(special("service.NAME.listen", key_type::address_list, "", "Where clients connect."));
  keys.push_back(
      special("service.NAME.listen.address", key_type::text, "", "The address, when a listener is a table."));
  keys.push_back(special("service.NAME.listen.mode", key_type::text, "\"0666\"",
                         "Unix paths: permission bits of the socket file."));
  keys.push_back(special("service.NAME.listen.owner", key_type::text, "",
                         "Unix paths: \"user\", \"user:group\" or \":group\" of the socket file."));
  keys.push_back(special("service.NAME.backends", key_type::address_list, "", "Where sessions go."));
  keys.push_back(
      special("service.NAME.backends.address", key_type::text, "", "The address, when a backend is a table."));
  keys.push_back(special("service.NAME.backends.weight", key_type::count, "1",
                         "Its share of the sessions; 0 takes it out of turn."));
  sluice::config settings;
  for (const program_row& row : program_rows())
    keys.push_back(described(std::string(row.name), row.find(settings), row.doc));
  return keys;
}

}  // namespace

const std::vector<service_row>& service_rows() {
  static const std::vector<service_row> rows{
      {"timeouts.connect", [](service_defaults& s) -> slot { return &s.timeouts.connect; }, some_duration,
       "How long one attempt to reach a backend may take."},
      {"timeouts.connect_total", [](service_defaults& s) -> slot { return &s.timeouts.connect_total; }, some_duration,
       "How long all attempts of a session may take together."},
      {"timeouts.idle", [](service_defaults& s) -> slot { return &s.timeouts.idle; }, any_duration,
       "A session ends after so long without a byte in either direction; 0s: never."},
      {"timeouts.half_close", [](service_defaults& s) -> slot { return &s.timeouts.half_close; }, any_duration,
       "The same once one end has finished; 0s: never."},
      {"timeouts.reset_linger", [](service_defaults& s) -> slot { return &s.timeouts.reset_linger; }, any_duration,
       "How long bytes sent before a reset may take to be acknowledged."},
      {"relay",
       [](service_defaults& s) -> slot { return &s.relay; },
       {},
       "How bytes move: spliced inside the kernel, or copied through the program to compare."},
      {"balance", [](service_defaults& s) -> slot { return &s.balance; }, {}, "How a backend is chosen."},
      {"when_full",
       [](service_defaults& s) -> slot { return &s.when_full; },
       {},
       "What happens to clients beyond max_connections: they wait in the backlog, or are reset."},
      {"max_connections", [](service_defaults& s) -> slot { return &s.max_connections; }, any_count,
       "Sessions of one service at a time; 0: only limits.max_connections counts."},
      {"backlog", [](service_defaults& s) -> slot { return &s.backlog; }, backlog_count,
       "Connections the kernel may hold before they are accepted; net.core.somaxconn caps it."},
      {"client.nodelay",
       [](service_defaults& s) -> slot { return &s.client.nodelay; },
       {},
       "TCP_NODELAY towards clients: small writes leave at once."},
      {"client.keepalive", [](service_defaults& s) -> slot { return &s.client.keepalive; }, keepalive_duration,
       "Idle time before a client is probed for being alive; 0s: never."},
      {"client.user_timeout", [](service_defaults& s) -> slot { return &s.client.user_timeout; }, user_timeout_duration,
       "TCP_USER_TIMEOUT: how long sent bytes may stay unacknowledged by a client; 0s: the kernel's habit."},
      {"client.buffer_limit",
       [](service_defaults& s) -> slot { return &s.client.buffer_limit; },
       {},
       "Bytes the kernel may hold unsent for a client that does not read; 0B: no limit."},
      {"backend.nodelay",
       [](service_defaults& s) -> slot { return &s.backend_side.nodelay; },
       {},
       "TCP_NODELAY towards backends: small writes leave at once."},
      {"backend.keepalive", [](service_defaults& s) -> slot { return &s.backend_side.keepalive; }, keepalive_duration,
       "Idle time before a backend is probed for being alive; 0s: never."},
      {"backend.user_timeout", [](service_defaults& s) -> slot { return &s.backend_side.user_timeout; },
       user_timeout_duration,
       "TCP_USER_TIMEOUT: how long sent bytes may stay unacknowledged by a backend; 0s: the kernel's habit."},
      {"backend.buffer_limit",
       [](service_defaults& s) -> slot { return &s.backend_side.buffer_limit; },
       {},
       "Bytes the kernel may hold unsent for a backend that does not read; 0B: no limit."},
  };
  return rows;
}

const std::vector<program_row>& program_rows() {
  static const std::vector<program_row> rows{
      {"dns.servers",
       [](sluice::config& c) -> slot { return &c.dns.servers; },
       {},
       "Name servers, \"IP\" or \"IP:port\"; none: those of /etc/resolv.conf."},
      {"dns.timeout", [](sluice::config& c) -> slot { return &c.dns.timeout; }, some_duration,
       "How long one question to one server may take."},
      {"drain.grace", [](sluice::config& c) -> slot { return &c.drain.grace; }, any_duration,
       "How long clients are still accepted after SIGTERM."},
      {"drain.timeout", [](sluice::config& c) -> slot { return &c.drain.timeout; }, any_duration,
       "How long sessions may then take to finish before they are reset."},
      {"log.level",
       [](sluice::config& c) -> slot { return &c.log.level; },
       {},
       "The least important messages that are logged."},
      {"log.format",
       [](sluice::config& c) -> slot { return &c.log.format; },
       {},
       "auto writes text on a terminal and JSON elsewhere."},
      {"log.access",
       [](sluice::config& c) -> slot { return &c.log.access; },
       {},
       "One record a session, at its close."},
      {"log.output",
       [](sluice::config& c) -> slot { return &c.log.output; },
       {},
       "\"stderr\", \"stdout\" or a file's path."},
      {"limits.max_connections", [](sluice::config& c) -> slot { return &c.limits.max_connections; }, session_count,
       "Sessions at a time; auto computes it from the descriptor limit."},
      {"limits.workers", [](sluice::config& c) -> slot { return &c.limits.workers; }, worker_count,
       "Threads that move bytes; auto is the number of processors this process may use."},
  };
  return rows;
}

std::string environment_name(std::string_view key) {
  std::string name = "SLUICE_";
  for (const char c : key) name += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

}  // namespace sluice::conf

namespace sluice {

const std::vector<config_key>& config_keys() {
  static const std::vector<config_key> keys = conf::describe_all();
  return keys;
}

const config_key* find_config_key(std::string_view name) {
  const std::vector<config_key>& keys = config_keys();
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const config_key& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

}  // namespace sluice
