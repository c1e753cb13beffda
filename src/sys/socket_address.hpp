#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::sys {

/// A concrete address for bind(2) and connect(2): IPv4, IPv6 or unix.
class socket_address {
 public:
  socket_address() noexcept : length_(0) { any_.sa_family = AF_UNSPEC; }

  /// An IP literal ("10.0.0.5", "::1", "fe80::1%eth0") and a port; nullopt if it is not one.
  static std::optional<socket_address> from_literal(const std::string& host, std::uint16_t port);
  static socket_address any_ipv6(std::uint16_t port) noexcept;
  static socket_address any_ipv4(std::uint16_t port) noexcept;
  /// nullopt if the path does not fit sun_path (107 bytes).
  static std::optional<socket_address> from_unix_path(std::string_view path);
  static std::optional<socket_address> from_unix_abstract(std::string_view name);
  static socket_address from_raw(const sockaddr* raw, socklen_t length) noexcept;

  int family() const noexcept { return any_.sa_family; }
  bool is_unix() const noexcept { return family() == AF_UNIX; }
  std::uint16_t port() const noexcept;  ///< host byte order; 0 for unix
  void set_port(std::uint16_t port) noexcept;
  bool is_loopback() const noexcept;  ///< 127.0.0.0/8, ::1 and their v4-mapped forms
  const sockaddr* raw() const noexcept { return &any_; }
  socklen_t length() const noexcept { return length_; }

  const sockaddr_in& ipv4() const noexcept { return v4_; }
  const sockaddr_in6& ipv6() const noexcept { return v6_; }

  bool operator==(const socket_address& other) const noexcept;

 private:
  socklen_t length_;
  union {
    sockaddr any_;
    sockaddr_in v4_;
    sockaddr_in6 v6_;
    sockaddr_un un_;
  };
};

/// "10.0.0.5:80", "[::1]:80", "unix:/run/app.sock", "unix:@name".
std::string to_string(const socket_address& address);

}  // namespace sluice::sys
