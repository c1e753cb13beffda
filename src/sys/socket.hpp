#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "sys/socket_address.hpp"
#include "sys/unique_fd.hpp"

namespace sluice::sys {

/// A descriptor, or why there is none.
struct fd_result {
  unique_fd fd;
  int error = 0;
  explicit operator bool() const noexcept { return static_cast<bool>(fd); }
};

/// A stream socket, SOCK_NONBLOCK | SOCK_CLOEXEC.
fd_result make_socket(int family) noexcept;

/// accept4(2) with NONBLOCK and CLOEXEC. error is EAGAIN when nothing waits. EINTR never leaves.
fd_result accept(int listener, socket_address& peer) noexcept;

int bind(int fd, const socket_address& address) noexcept;
int listen(int fd, int backlog) noexcept;
/// connect(2), once: 0, EINPROGRESS, EAGAIN (a unix listener whose backlog is full) or another errno.
int connect(int fd, const socket_address& address) noexcept;

socket_address local_address(int fd) noexcept;
socket_address peer_address(int fd) noexcept;

/// One int option; 0 or errno.
int set_option(int fd, int level, int name, int value) noexcept;

/// What one side's sockets are given; the names are tcp(7)'s. Options that do not apply to the family are left out.
struct side_options {
  bool nodelay = true;
  std::chrono::seconds keepalive{0};
  std::chrono::milliseconds user_timeout{0};
  std::size_t notsent_lowat = 0;
  std::chrono::seconds keepalive_interval{15};
  std::uint32_t keepalive_count = 4;
};
/// On a listener (accepted sockets inherit all of these on Linux) or on a socket. First errno, 0 if all were taken.
int apply_options(int fd, int family, const side_options& options) noexcept;
/// Puts these options of a socket that others have used back to what a new one has.
void clear_options(int fd, int family) noexcept;
/// Only what matters to connections that last: keepalive and user timeout.
int apply_lasting_options(int fd, const side_options& options) noexcept;

/// TCP_QUICKACK off, before connect(2): the handshake's last ACK is not sent until bytes carry it, at most for 200 ms
/// (tcp_rcv_synsent_state_process in net/ipv4/tcp_input.c). acknowledge_now() sends it.
void hold_acknowledgement(int fd) noexcept;
void acknowledge_now(int fd) noexcept;

/// SO_LINGER with 0 seconds: close() then resets (and throws unsent bytes away, socket(7)).
void reset_on_close(int fd) noexcept;

/// Bytes received and not yet read (SIOCINQ), sent and not yet acknowledged (SIOCOUTQ); -1 if the kernel won't say.
long unread_bytes(int fd) noexcept;
long unacknowledged_bytes(int fd) noexcept;

/// The smoothed round-trip time of a TCP connection (tcpi_rtt of TCP_INFO), in nanoseconds; 0 if there is none. A peer
/// that answers within 40 ms sends its ACK with the answer, so that its thinking is in it.
std::int64_t round_trip_ns(int fd) noexcept;
/// How long ago the last bytes came, or the connection was made, in milliseconds (TCP_INFO); 0 if the kernel won't say.
std::uint32_t last_received_ms(int fd) noexcept;

/// Ports that the kernel gives to sockets that did not bind: first and last of net.ipv4.ip_local_port_range.
struct local_ports {
  std::uint16_t first = 32'768;
  std::uint16_t last = 60'999;
};
local_ports read_local_ports() noexcept;

}  // namespace sluice::sys
