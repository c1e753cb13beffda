#include "server/open_listeners.hpp"

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "sluice/error.hpp"

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

}  // namespace

std::size_t count_addresses(const config& settings) noexcept {
  std::size_t sum = 0;
  for (const service_config& service : settings.services)
    for (const listener_config& one : service.listeners)
      sum += one.listen.type == address::kind::tcp ? one.listen.ports.size() : 1;
  return sum;
}

open_listeners open_all(const config& settings, const snapshot& routes, std::size_t workers) {
  open_listeners result;
  const bool sharing = count_addresses(settings) * workers <= most_shared_sockets;
  for (std::uint32_t index = 0; index < settings.services.size(); ++index) {
    const service& owner = *routes[index].object;
    for (const listener_config& one : settings.services[index].listeners) {
      const bool tcp = one.listen.type == address::kind::tcp;
      const std::uint32_t ports = tcp ? one.listen.ports.size() : 1;
      for (std::uint32_t offset = 0; offset < ports; ++offset) {
        accept::listen_spec spec;
        spec.address = address_of(one.listen, static_cast<std::uint16_t>(one.listen.ports.first + offset), one.where);
        spec.dual_stack = tcp && one.listen.host.empty();
        const bool shared = tcp && sharing && workers > 1;
        spec.starts_group = shared;
        spec.backlog = static_cast<int>(owner.settings.backlog);
        spec.options = owner.client_options;
        spec.mode = one.mode;
        spec.owner = one.owner;

        const std::string name = to_string(spec.address);
        open_listeners::door door;
        entrance way{index, offset, {}, !shared && workers > 1, is_wildcard(spec.address), {}};
        for (std::size_t n = 0; n < (shared ? workers : 1); ++n) {
          accept::listening_socket opened = accept::open_listening_socket(spec);
          if (!opened) refuse(name, one.where, spec.address, opened.failed_step, opened.error);
          way.address = opened.address;
          // The first one may have been given a port by the kernel: the others join it there.
          spec.address = opened.address;
          spec.dual_stack = spec.dual_stack && opened.address.family() == AF_INET6;
          spec.starts_group = false;
          spec.joins_group = shared;
          door.sockets.push_back(sys::share(std::move(opened.fd)));
        }
        way.name = to_string(way.address);
        if (one.listen.type == address::kind::unix_path) result.paths.emplace_back(one.listen.path);
        result.entrances.push_back(std::move(way));
        result.doors.push_back(std::move(door));
      }
    }
  }
  return result;
}

}  // namespace sluice::server
