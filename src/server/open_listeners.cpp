#include "server/open_listeners.hpp"

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "sluice/error.hpp"

#include "accept/activated_sockets.hpp"
#include "sys/holder.hpp"

namespace sluice::server {
namespace {

/// Beyond so many listening sockets one worker owns each address instead of all sharing it (SO_REUSEPORT).
constexpr std::size_t most_shared_sockets = 1'024;

sys::socket_address address_of(const address& listen, std::uint16_t port, const source_location& where) {
  std::optional<sys::socket_address> result;
  switch (listen.type) {
    case address::kind::tcp:
      if (listen.host.empty()) return sys::socket_address::any_ipv6(port);
      result = sys::socket_address::from_literal(listen.host, port);
      break;
    case address::kind::unix_path: result = sys::socket_address::from_unix_path(listen.path); break;
    case address::kind::unix_abstract: result = sys::socket_address::from_unix_abstract(listen.path); break;
    case address::kind::activated:   // is where whoever opened it bound it
    case address::kind::srv: break;  // no listener is one
  }
  if (!result)
    throw startup_error(
        to_string(where) + ": cannot listen on " + to_string(listen) + ": not an address of this machine",
        exit_code::bad_config);
  return *result;
}

bool is_wildcard(const sys::socket_address& where) noexcept {
  if (where.family() == AF_INET) return where.ipv4().sin_addr.s_addr == INADDR_ANY;
  return where.family() == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&where.ipv6().sin6_addr);
}

[[noreturn]] void refuse(const std::string& name, const source_location& where, const sys::socket_address& address,
                         const std::string& step, int error) {
  std::string text = "cannot listen on " + name + " (" + to_string(where) + "): ";
  auto code = exit_code::failed;
  switch (error) {
    case EADDRINUSE: {
      if (const std::string obstacle = accept::what_is_in_the_way(address); !obstacle.empty()) {
        text += "there is " + obstacle + " of that name, which is left alone; remove it or choose another path";
        break;
      }
      const auto holder = sys::who_listens(address);
      text += "the address is in use" + (holder ? " by " + sys::describe(*holder) : std::string()) +
              "; stop that program or choose another address";
      break;
    }
    case EADDRNOTAVAIL:
      text += "this machine does not have that address; see `ip address`, or listen on every address with a bare port";
      break;
    case EACCES:
    case EPERM:
      text += "permission denied; ports below 1024 need CAP_NET_BIND_SERVICE, paths a writable directory";
      code = exit_code::no_permission;
      break;
    case EBUSY: text += "another program keeps the directory locked (flock); see `lslocks`"; break;
    case EMFILE:
      text += "no descriptor is left; raise the hard limit (LimitNOFILE=, `ulimit -Hn`) or listen on fewer ports";
      break;
    case ENOENT: text += step == "owner" ? "no such user or group" : "the directory does not exist"; break;
    default: text += step + ": " + std::strerror(error); break;
  }
  throw startup_error(text, code);
}

/// One configuration being opened.
class opener {
 public:
  opener(const config& settings, const snapshot& routes, std::size_t workers, sys::passed_descriptors passed)
      : settings_(settings),
        routes_(routes),
        workers_(workers),
        sharing_(count_addresses(settings) * workers <= most_shared_sockets),
        passed_(std::move(passed)) {}

  open_listeners open() {
    // Names go first: a descriptor that is asked for by name is not to be had by its address.
    for (const bool by_name : {true, false}) {
      for (std::uint32_t index = 0; index < settings_.services.size(); ++index) {
        for (const listener_config& one : settings_.services[index].listeners)
          if ((one.listen.type == address::kind::activated) == by_name) open_listener(index, one);
      }
    }
    for (std::string& line : passed_.complaints()) result_.warnings.push_back(std::move(line));
    return std::move(result_);
  }

 private:
  void open_listener(std::uint32_t index, const listener_config& one) {
    accept::listen_spec spec;
    spec.backlog = static_cast<int>(routes_[index].object->settings.backlog);
    spec.options = routes_[index].object->client_options;
    spec.mode = one.mode;
    spec.owner = one.owner;
    if (one.listen.type == address::kind::activated) {
      std::vector<sys::passed_descriptor> named = passed_.take_named(one.listen.path);
      if (named.empty())
        throw startup_error("cannot listen on " + to_string(one.listen) + " (" + to_string(one.where) +
                                "): " + passed_.why_none_named(one.listen.path),
                            exit_code::bad_config);
      return adopt_all({index, 0, {}, false, false, {}}, spec, std::move(named));
    }
    const bool tcp = one.listen.type == address::kind::tcp;
    const std::uint32_t ports = tcp ? one.listen.ports.size() : 1;
    for (std::uint32_t offset = 0; offset < ports; ++offset) {
      spec.address = address_of(one.listen, static_cast<std::uint16_t>(one.listen.ports.first + offset), one.where);
      spec.dual_stack = tcp && one.listen.host.empty();
      const entrance way{index, offset, {}, false, is_wildcard(spec.address), {}};
      std::vector<sys::passed_descriptor> bound = passed_.take_bound(spec);
      if (bound.empty()) {
        open_address(way, spec, one);
      } else {
        warn_of_mode(one);
        adopt_all(way, spec, std::move(bound));
      }
    }
  }

  /// One worker owns what was passed, and shares the clients out: so no other one is woken in vain.
  void adopt_all(entrance way, const accept::listen_spec& spec, std::vector<sys::passed_descriptor> passed) {
    way.one_owner = workers_ > 1;
    for (sys::passed_descriptor& one : passed) {
      accept::listening_socket taken = accept::adopt(std::move(one), spec);
      way.address = taken.address;
      way.is_wildcard = is_wildcard(taken.address);
      add(way, {{sys::share(std::move(taken.fd))}});
    }
  }

  void open_address(entrance way, accept::listen_spec spec, const listener_config& one) {
    const std::string name = to_string(spec.address);
    const bool shared = one.listen.type == address::kind::tcp && sharing_ && workers_ > 1;
    spec.starts_group = shared;
    way.one_owner = !shared && workers_ > 1;
    open_listeners::door door;
    for (std::size_t n = 0; n < (shared ? workers_ : 1); ++n) {
      accept::listening_socket opened = accept::open_listening_socket(spec);
      if (!opened) fail(name, one.where, spec.address, opened);
      way.address = opened.address;
      // The first one may have been given a port by the kernel: the others join it there.
      spec.address = opened.address;
      spec.dual_stack = spec.dual_stack && opened.address.family() == AF_INET6;
      spec.starts_group = false;
      spec.joins_group = shared;
      door.sockets.push_back(sys::share(std::move(opened.fd)));
    }
    if (one.listen.type == address::kind::unix_path) result_.paths.emplace_back(one.listen.path);
    add(std::move(way), std::move(door));
  }

  void add(entrance way, open_listeners::door door) {
    way.name = to_string(way.address);
    result_.entrances.push_back(std::move(way));
    result_.doors.push_back(std::move(door));
  }

  [[noreturn]] void fail(const std::string& name, const source_location& where, const sys::socket_address& address,
                         const accept::listening_socket& tried) const {
    const std::string blocking = tried.error == EADDRINUSE ? passed_.what_blocks(address) : std::string();
    if (!blocking.empty())
      throw startup_error("cannot listen on " + name + " (" + to_string(where) + "): a descriptor that was passed, " +
                              blocking + ", is in the way; listen on its address, or on fd: and its name",
                          exit_code::bad_config);
    refuse(name, where, address, tried.failed_step, tried.error);
  }

  void warn_of_mode(const listener_config& one) {
    const listener_config usual;
    if (one.mode == usual.mode && one.owner == usual.owner) return;
    result_.warnings.push_back(to_string(one.listen) + " was passed by the service manager: mode and owner are those " +
                               "of its socket unit (SocketMode=, SocketUser=), not of " + to_string(one.where));
  }

  const config& settings_;
  const snapshot& routes_;
  const std::size_t workers_;
  const bool sharing_;
  accept::activated_sockets passed_;
  open_listeners result_;
};

}  // namespace

std::size_t count_addresses(const config& settings) noexcept {
  std::size_t sum = 0;
  for (const service_config& service : settings.services)
    for (const listener_config& one : service.listeners)
      sum += one.listen.type == address::kind::tcp ? one.listen.ports.size() : 1;
  return sum;
}

open_listeners open_all(const config& settings, const snapshot& routes, std::size_t workers,
                        sys::passed_descriptors passed) {
  return opener(settings, routes, workers, std::move(passed)).open();
}

}  // namespace sluice::server
