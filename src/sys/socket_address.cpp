#include "sys/socket_address.hpp"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace sluice::sys {
namespace {

bool is_v4_mapped(const in6_addr& address) noexcept { return IN6_IS_ADDR_V4MAPPED(&address) != 0; }

}  // namespace

std::optional<socket_address> socket_address::from_literal(const std::string& host, std::uint16_t port) {
  socket_address result;
  if (::inet_pton(AF_INET, host.c_str(), &result.v4_.sin_addr) == 1) {
    const in_addr parsed = result.v4_.sin_addr;
    result = any_ipv4(port);
    result.v4_.sin_addr = parsed;
    return result;
  }
  const std::size_t percent = host.find('%');
  in6_addr parsed{};
  if (::inet_pton(AF_INET6, host.substr(0, percent).c_str(), &parsed) != 1) return std::nullopt;
  result = any_ipv6(port);
  result.v6_.sin6_addr = parsed;
  if (percent != std::string::npos) {
    result.v6_.sin6_scope_id = ::if_nametoindex(host.c_str() + percent + 1);
    if (result.v6_.sin6_scope_id == 0) return std::nullopt;
  }
  return result;
}

socket_address socket_address::any_ipv4(std::uint16_t port) noexcept {
  socket_address result;
  result.v4_ = sockaddr_in{};
  result.v4_.sin_family = AF_INET;
  result.length_ = sizeof(sockaddr_in);
  result.set_port(port);
  return result;
}

socket_address socket_address::any_ipv6(std::uint16_t port) noexcept {
  socket_address result;
  result.v6_ = sockaddr_in6{};
  result.v6_.sin6_family = AF_INET6;
  result.length_ = sizeof(sockaddr_in6);
  result.set_port(port);
  return result;
}

std::optional<socket_address> socket_address::from_unix_path(std::string_view path) {
  socket_address result;
  if (path.empty() || path.size() >= sizeof result.un_.sun_path) return std::nullopt;
  result.un_ = sockaddr_un{};
  result.un_.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), result.un_.sun_path);
  result.length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return result;
}

std::optional<socket_address> socket_address::from_unix_abstract(std::string_view name) {
  socket_address result;
  if (name.empty() || name.size() >= sizeof result.un_.sun_path) return std::nullopt;
  result.un_ = sockaddr_un{};
  result.un_.sun_family = AF_UNIX;
  std::copy(name.begin(), name.end(), result.un_.sun_path + 1);
  result.length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return result;
}

socket_address socket_address::from_raw(const sockaddr* raw, socklen_t length) noexcept {
  socket_address result;
  result.un_ = sockaddr_un{};
  result.length_ = std::min<socklen_t>(length, sizeof(sockaddr_un));
  std::memcpy(&result.un_, raw, result.length_);
  return result;
}

std::uint16_t socket_address::port() const noexcept {
  if (family() == AF_INET) return ntohs(v4_.sin_port);
  if (family() == AF_INET6) return ntohs(v6_.sin6_port);
  return 0;
}

void socket_address::set_port(std::uint16_t port) noexcept {
  if (family() == AF_INET) v4_.sin_port = htons(port);
  if (family() == AF_INET6) v6_.sin6_port = htons(port);
}

bool socket_address::is_loopback() const noexcept {
  if (family() == AF_INET) return (ntohl(v4_.sin_addr.s_addr) >> 24) == 127;
  if (family() != AF_INET6) return false;
  if (is_v4_mapped(v6_.sin6_addr)) return v6_.sin6_addr.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6_.sin6_addr) != 0;
}

bool socket_address::operator==(const socket_address& other) const noexcept {
  return length_ == other.length_ && std::memcmp(&any_, &other.any_, length_) == 0;
}

std::string to_string(const socket_address& address) {
  char text[INET6_ADDRSTRLEN];
  switch (address.family()) {
    case AF_INET:
      ::inet_ntop(AF_INET, &address.ipv4().sin_addr, text, sizeof text);
      return std::string(text) + ':' + std::to_string(address.port());
    case AF_INET6:
      ::inet_ntop(AF_INET6, &address.ipv6().sin6_addr, text, sizeof text);
      return '[' + std::string(text) + "]:" + std::to_string(address.port());
    case AF_UNIX: {
      const auto* path = reinterpret_cast<const sockaddr_un*>(address.raw())->sun_path;
      const std::size_t size = address.length() - offsetof(sockaddr_un, sun_path);
      if (size == 0) return "unix:";
      if (path[0] == '\0') return "unix:@" + std::string(path + 1, size - 1);
      return "unix:" + std::string(path, ::strnlen(path, size));
    }
    default: return "none";
  }
}

}  // namespace sluice::sys
