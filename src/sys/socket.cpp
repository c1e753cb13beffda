#include "sys/socket.hpp"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

namespace sluice::sys {
namespace {

struct file_closer {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

}  // namespace

fd_result make_socket(int family) noexcept {
  fd_result made;
  made.fd.reset(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!made.fd) made.error = errno;
  return made;
}

fd_result accept(int listener, socket_address& peer) noexcept {
  fd_result taken;
  sockaddr_storage raw;
  socklen_t length;
  do {
    length = sizeof raw;
    taken.fd.reset(::accept4(listener, reinterpret_cast<sockaddr*>(&raw), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  } while (!taken.fd && errno == EINTR);
  if (!taken.fd) {
    taken.error = errno;
    return taken;
  }
  peer = socket_address::from_raw(reinterpret_cast<const sockaddr*>(&raw), length);
  return taken;
}

int bind(int fd, const socket_address& address) noexcept {
  return ::bind(fd, address.raw(), address.length()) == 0 ? 0 : errno;
}

int listen(int fd, int backlog) noexcept { return ::listen(fd, backlog) == 0 ? 0 : errno; }

int connect(int fd, const socket_address& address) noexcept {
  if (::connect(fd, address.raw(), address.length()) == 0) return 0;
  // An interrupted connect goes on by itself; its end shows as for EINPROGRESS (connect(2)).
  return errno == EINTR ? EINPROGRESS : errno;
}

socket_address local_address(int fd) noexcept {
  sockaddr_storage raw{};
  socklen_t length = sizeof raw;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&raw), &length) != 0) return {};
  return socket_address::from_raw(reinterpret_cast<const sockaddr*>(&raw), length);
}

socket_address peer_address(int fd) noexcept {
  sockaddr_storage raw{};
  socklen_t length = sizeof raw;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&raw), &length) != 0) return {};
  return socket_address::from_raw(reinterpret_cast<const sockaddr*>(&raw), length);
}

int set_option(int fd, int level, int name, int value) noexcept {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : errno;
}

int apply_options(int fd, int family, const side_options& options) noexcept {
  if (family == AF_UNIX) return 0;
  // Before any byte comes: an urgent byte overtaken by another one is lost to a socket that has it not.
  int first_error = set_option(fd, SOL_SOCKET, SO_OOBINLINE, 1);
  if (options.nodelay) {
    const int error = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (first_error == 0) first_error = error;
  }
  if (options.notsent_lowat > 0) {
    const int error = set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, static_cast<int>(options.notsent_lowat));
    if (first_error == 0) first_error = error;
  }
  const int error = apply_lasting_options(fd, options);
  return first_error != 0 ? first_error : error;
}

void clear_options(int fd, int family) noexcept {
  if (family == AF_UNIX) return;
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 0);
  set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 0);
}

int apply_lasting_options(int fd, const side_options& options) noexcept {
  int first_error = 0;
  const auto set = [&](int level, int name, int value) {
    const int error = set_option(fd, level, name, value);
    if (first_error == 0) first_error = error;
  };
  if (options.keepalive.count() > 0) {
    // What the kernel takes: MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL and MAX_TCP_KEEPCNT in include/net/tcp.h.
    constexpr std::chrono::seconds longest{32'767};
    constexpr std::chrono::seconds shortest{1};
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(std::min(options.keepalive, longest).count()));
    set(IPPROTO_TCP, TCP_KEEPINTVL,
        static_cast<int>(std::clamp(options.keepalive_interval, shortest, longest).count()));
    set(IPPROTO_TCP, TCP_KEEPCNT, static_cast<int>(std::clamp(options.keepalive_count, 1U, 127U)));
  }
  if (options.user_timeout.count() > 0)
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(options.user_timeout.count()));
  return first_error;
}

void hold_acknowledgement(int fd) noexcept { set_option(fd, IPPROTO_TCP, TCP_QUICKACK, 0); }
void acknowledge_now(int fd) noexcept { set_option(fd, IPPROTO_TCP, TCP_QUICKACK, 1); }

void reset_on_close(int fd) noexcept {
  const linger now{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

long unread_bytes(int fd) noexcept {
  int n = 0;
  return ::ioctl(fd, SIOCINQ, &n) == 0 ? n : -1;
}

long unacknowledged_bytes(int fd) noexcept {
  int n = 0;
  return ::ioctl(fd, SIOCOUTQ, &n) == 0 ? n : -1;
}

std::int64_t round_trip_ns(int fd) noexcept {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return 0;
  return std::int64_t{info.tcpi_rtt} * 1'000;
}

std::uint32_t last_received_ms(int fd) noexcept {
  tcp_info told{};
  socklen_t length = sizeof told;
  return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &told, &length) == 0 ? told.tcpi_last_data_recv : 0;
}

local_ports read_local_ports() noexcept {
  local_ports ports;
  const std::unique_ptr<std::FILE, file_closer> file(std::fopen("/proc/sys/net/ipv4/ip_local_port_range", "re"));
  unsigned first = 0;
  unsigned last = 0;
  if (file && std::fscanf(file.get(), "%u %u", &first, &last) == 2 && last <= 65'535 && first <= last)
    ports = {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)};
  return ports;
}

}  // namespace sluice::sys
