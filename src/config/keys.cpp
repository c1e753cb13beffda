#include "config/keys.hpp"

#include <algorithm>
#include <tuple>

#include "config/balance_numbers.hpp"

namespace sluice::conf {
namespace {

constexpr std::uint64_t second = 1'000;
constexpr std::uint64_t year = 365ULL * 86'400 * second;
constexpr bounds any_duration{0, year};
constexpr bounds some_duration{1, year};
constexpr bounds keepalive_duration{0, 32'767 * second};  // what TCP_KEEPIDLE takes
constexpr bounds keepalive_interval{1 * second, 32'767 * second};
constexpr bounds keepalive_count{1, 127};              // what TCP_KEEPCNT takes
constexpr bounds user_timeout_duration{0, INT32_MAX};  // TCP_USER_TIMEOUT is an int of milliseconds
constexpr bounds check_count{1, 10'000};
constexpr bounds any_count{0, UINT32_MAX};
constexpr bounds percentage{0, 100};
constexpr bounds any_rate{0, 1'000'000};
constexpr bounds overload_percentage{100, 10'000};
constexpr bounds spare_count{0, 10'000};
constexpr bounds backlog_count{1, INT32_MAX};
constexpr bounds session_count{1, UINT32_MAX};
constexpr bounds worker_count{1, 1'024};
constexpr bounds ipv4_bits{1, 32};
constexpr bounds ipv6_bits{1, 128};
constexpr bounds table_slots{101, 5'000'011, refuse_composite};
constexpr bounds load_percent{0, 10'000, refuse_below_mean};
constexpr bounds decay_duration{10, 86'400 * second};
constexpr bounds percent{0, 100};
constexpr bounds priority_bounds{0, 65'535};  // as in SRV records
constexpr bounds attempt_count{1, 1'000};
constexpr bounds some_text{1, UINT32_MAX};

config_key special(std::string name, key_type type, std::string value, std::string doc, const bounds& limits = {}) {
  config_key key{std::move(name), type, std::move(value), {}, std::move(doc), {}};
  if (type == key_type::count) std::tie(key.least, key.most) = std::tie(limits.least, limits.most);
  return key;
}

config_key described(std::string name, const slot& value, const bounds& limits, std::string_view doc) {
  std::string environment = environment_name(name);
  const key_type type = type_of(value);
  config_key key{std::move(name), type, print(value), words_of(value), std::string(doc), std::move(environment)};
  const bool counts = type == key_type::count || type == key_type::automatic_count;
  if (counts) std::tie(key.least, key.most) = std::tie(limits.least, limits.most);
  return key;
}

std::vector<config_key> describe_all() {
  std::vector<config_key> keys;
  keys.push_back(special("version", key_type::count, "1", "The version of this file's format.", {1, 1}));
  keys.push_back(special("forward", key_type::table, "", "Port mappings, one a line: LISTEN = \"TARGET\"."));
  service_defaults defaults;
  backend_config backend;
  for (const service_row& row : service_rows()) {
    keys.push_back(described("defaults." + std::string(row.name), row.find(defaults), row.limits, row.doc));
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
  for (const backend_row& row : backend_rows()) {
    const slot value = row.find(backend);
    config_key key = described("service.NAME.backends." + std::string(row.name), value, row.limits, row.doc);
    key.environment.clear();
    keys.push_back(std::move(key));
  }
  keys.push_back(special("service.NAME.backends_file", key_type::text, "",
                         "A file of further backends, .json or .toml, read again when it changes."));
  sluice::config settings;
  for (const program_row& row : program_rows())
    keys.push_back(described(std::string(row.name), row.find(settings), row.limits, row.doc));
  return keys;
}

const std::vector<service_row>& general_rows() {
  static const std::vector<service_row> rows{
      {"timeouts.connect", [](service_defaults& s) -> slot { return &s.timeouts.connect; }, some_duration,
       "How long one attempt to reach a backend may take."},
      {"timeouts.connect_total", [](service_defaults& s) -> slot { return &s.timeouts.connect_total; }, some_duration,
       "How long all attempts of a session may take together."},
      {"timeouts.queue", [](service_defaults& s) -> slot { return &s.timeouts.queue; }, any_duration,
       "How long a client may wait for a backend that has room, or is back."},
      {"timeouts.idle", [](service_defaults& s) -> slot { return &s.timeouts.idle; }, any_duration,
       "A session ends after so long without a byte in either direction; 0s: never."},
      {"timeouts.half_close", [](service_defaults& s) -> slot { return &s.timeouts.half_close; }, any_duration,
       "The same once one end has finished; 0s: never."},
      {"timeouts.reset_linger", [](service_defaults& s) -> slot { return &s.timeouts.reset_linger; }, any_duration,
       "How long bytes sent before a reset may take to be acknowledged."},
      {"timeouts.lifetime", [](service_defaults& s) -> slot { return &s.timeouts.lifetime; }, any_duration,
       "A session is ended when it is so old; 0s: never."},
      {"timeouts.warm", [](service_defaults& s) -> slot { return &s.timeouts.warm; }, any_duration,
       "A spare connection (warm) is replaced when it is so old; 0s: never."},
      {"timeouts.lifetime_jitter", [](service_defaults& s) -> slot { return &s.timeouts.lifetime_jitter; }, percentage,
       "Per cent of timeouts.lifetime by which chance may shorten it."},
      {"relay",
       [](service_defaults& s) -> slot { return &s.relay; },
       {},
       "How bytes move: spliced inside the kernel, or copied through the program to compare."},
      {"balance", [](service_defaults& s) -> slot { return &s.balance; }, {}, "How a backend is chosen."},
      {"hash.ipv4_prefix", [](service_defaults& s) -> slot { return &s.hash.ipv4_prefix; }, ipv4_bits,
       "Bits of a client's IPv4 address that source-hash and maglev go by."},
      {"hash.ipv6_prefix", [](service_defaults& s) -> slot { return &s.hash.ipv6_prefix; }, ipv6_bits,
       "Bits of a client's IPv6 address that source-hash and maglev go by."},
      {"maglev.table_size", [](service_defaults& s) -> slot { return &s.maglev.table_size; }, table_slots,
       "Slots of the Maglev table, a prime: a hundred times the number of backends or more."},
      {"maglev.load_factor", [](service_defaults& s) -> slot { return &s.maglev.load_factor; }, load_percent,
       "Percent of its share of the sessions that maglev gives a backend at most, from 100 on; 0: no bound."},
      {"ewma.decay", [](service_defaults& s) -> slot { return &s.ewma.decay; }, decay_duration,
       "How long ewma remembers what it measured: after so long it counts for 1/e."},
      {"when_full",
       [](service_defaults& s) -> slot { return &s.when_full; },
       {},
       "What happens to clients beyond max_connections: they wait in the backlog, or are reset."},
      {"when_down",
       [](service_defaults& s) -> slot { return &s.when_down; },
       {},
       "What happens to clients when no backend can be reached: they are reset, or wait for one to be back."},
      {"reply.file",
       [](service_defaults& s) -> slot { return &s.reply_file; },
       {},
       "A file that clients are sent when no backend can be had, before they are closed."},
      {"queue.size", [](service_defaults& s) -> slot { return &s.queue_size; }, any_count,
       "Clients that may wait while every backend is at its max_connections; 0: none."},
      {"priority.overflow", [](service_defaults& s) -> slot { return &s.priority_overflow; }, percent,
       "Percent of a priority group that must be well for it to take all sessions; below, the next group takes a "
       "share."},
      {"panic", [](service_defaults& s) -> slot { return &s.panic; }, percent,
       "With less than this percent of all backends well, all are tried, down or not; 0: never."},
      {"slow_start", [](service_defaults& s) -> slot { return &s.slow_start; }, any_duration,
       "A backend that is back gets a share of sessions that grows for so long; 0s: all at once."},
      {"retries.attempts", [](service_defaults& s) -> slot { return &s.retries.attempts; }, attempt_count,
       "How many backends a session is tried on."},
      {"retries.backoff", [](service_defaults& s) -> slot { return &s.retries.backoff; }, any_duration,
       "Pause once every backend was tried, before they are tried again, doubled each time; 0s: they are not."},
      {"retries.budget", [](service_defaults& s) -> slot { return &s.retries.budget; }, percent,
       "Retries for a hundred sessions; 100 a second are free."},
      {"when_backend_down",
       [](service_defaults& s) -> slot { return &s.when_backend_down; },
       {},
       "What happens to the sessions of a backend that is found down: they are kept, drained or reset."},
      {"when_backend_removed",
       [](service_defaults& s) -> slot { return &s.when_backend_removed; },
       {},
       "The same for a backend that is no longer configured or no longer in DNS."},
      {"leaving.timeout", [](service_defaults& s) -> slot { return &s.leaving.timeout; }, any_duration,
       "How long drained sessions may still finish by themselves."},
      {"leaving.rate", [](service_defaults& s) -> slot { return &s.leaving.rate; }, any_rate,
       "How many sessions a second are then ended, or reset; 0: all in one go."},
      {"rebalance.rate", [](service_defaults& s) -> slot { return &s.rebalance.rate; }, any_rate,
       "After a backend has recovered or was added so many of the oldest sessions a second are ended on overloaded "
       "ones; 0: "
       "none."},
      {"rebalance.above", [](service_defaults& s) -> slot { return &s.rebalance.above; }, overload_percentage,
       "Per cent of its share by weight above which a backend counts as overloaded."},
      {"warm", [](service_defaults& s) -> slot { return &s.warm; }, spare_count,
       "Connections kept ready to each backend, so that a client need not wait for one to be made."},
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
      {"client.keepalive_interval", [](service_defaults& s) -> slot { return &s.client.keepalive_interval; },
       keepalive_interval, "Time between two such probes."},
      {"client.keepalive_count", [](service_defaults& s) -> slot { return &s.client.keepalive_count; }, keepalive_count,
       "How many may stay unanswered; counts only where user_timeout is 0s."},
      {"client.user_timeout", [](service_defaults& s) -> slot { return &s.client.user_timeout; }, user_timeout_duration,
       "TCP_USER_TIMEOUT: how long a client may leave bytes or probes unanswered; 0s: the kernel's habit."},
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
      {"backend.keepalive_interval", [](service_defaults& s) -> slot { return &s.backend_side.keepalive_interval; },
       keepalive_interval, "Time between two such probes."},
      {"backend.keepalive_count", [](service_defaults& s) -> slot { return &s.backend_side.keepalive_count; },
       keepalive_count, "How many may stay unanswered; counts only where user_timeout is 0s."},
      {"backend.user_timeout", [](service_defaults& s) -> slot { return &s.backend_side.user_timeout; },
       user_timeout_duration,
       "TCP_USER_TIMEOUT: how long a backend may leave bytes or probes unanswered; 0s: the kernel's habit."},
      {"backend.buffer_limit",
       [](service_defaults& s) -> slot { return &s.backend_side.buffer_limit; },
       {},
       "Bytes the kernel may hold unsent for a backend that does not read; 0B: no limit."},
  };
  return rows;
}

}  // namespace

const std::vector<service_row>& service_rows() {
  static const std::vector<service_row> rows = [] {
    std::vector<service_row> all = general_rows();
    all.insert(all.end(), health_rows().begin(), health_rows().end());
    return all;
  }();
  return rows;
}

const std::vector<backend_row>& backend_rows() {
  static const std::vector<backend_row> rows{
      {"weight", [](backend_config& b) -> slot { return &b.weight; }, weight_bounds,
       "Its share of the sessions; 0 takes it out of turn."},
      {"max_connections", [](backend_config& b) -> slot { return &b.max_connections; }, any_count,
       "Sessions it may have at a time, of all workers together; 0: any number."},
      {"priority", [](backend_config& b) -> slot { return &b.priority; }, priority_bounds,
       "Its group: the lowest number takes the sessions, the next ones what it cannot."},
      {"resolve",
       [](backend_config& b) -> slot { return &b.resolve; },
       {},
       "Whether the addresses of a name are ways to one backend, or a backend each."},
      {"backup", [](backend_config& b) -> slot { return &b.backup; }, {}, "Used only when no other backend is well."},
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
      {"dns.ttl_min", [](sluice::config& c) -> slot { return &c.dns.ttl_min; }, some_duration,
       "An answer is used for so long even if its TTL is shorter."},
      {"dns.ttl_max", [](sluice::config& c) -> slot { return &c.dns.ttl_max; }, some_duration,
       "An answer is asked for again after so long even if its TTL is longer."},
      {"dns.empty",
       [](sluice::config& c) -> slot { return &c.dns.empty; },
       {},
       "What an answer without a record does: keep the last good one, or apply, so that no address is left."},
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
      {"log.output", [](sluice::config& c) -> slot { return &c.log.output; }, some_text,
       "\"stderr\", \"stdout\" or a file's path."},
      {"limits.max_connections", [](sluice::config& c) -> slot { return &c.limits.max_connections; }, session_count,
       "Sessions at a time; auto computes it from the descriptor limit."},
      {"limits.checks", [](sluice::config& c) -> slot { return &c.limits.checks; }, check_count,
       "Health checks at a time, over all services: each is a connection."},
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
