#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/wait.hpp"
#include "sys/socket_address.hpp"
#include "sys/unique_fd.hpp"

/// Real connections for tests. What goes wrong is thrown (std::system_error, std::runtime_error), so that all of this
/// may run in any thread.
namespace sluice::support {

enum class io_mode { non_blocking, blocking };

struct socket_pair {
  sys::unique_fd first;   ///< for TCP the one that connected
  sys::unique_fd second;  ///< for TCP the one that was accepted
};

/// Two ends of a TCP connection on 127.0.0.1, TCP_NODELAY set on both.
socket_pair tcp_pair(io_mode mode = io_mode::non_blocking);
/// Two ends of a unix stream connection.
socket_pair unix_pair(io_mode mode = io_mode::non_blocking);

struct listening_socket {
  sys::unique_fd fd;
  sys::socket_address address;
};

/// Listens on 127.0.0.1 (or ::1), port 0. Non-blocking.
listening_socket listen_tcp(int family = AF_INET, int backlog = 128);
/// Listens at this address. Non-blocking.
listening_socket listen_at(const sys::socket_address& address, int backlog = 128);
/// Listens on an abstract unix address that no one else has. Non-blocking.
listening_socket listen_unix(int backlog = 128);

/// An address on 127.0.0.1 at which nobody listens (nor can, while the result lives).
listening_socket closed_port();

sys::unique_fd connect_to(const sys::socket_address& address, io_mode mode = io_mode::non_blocking,
                          std::chrono::milliseconds timeout = patience);
/// The same from a local address of one's own; port 0 lets the kernel choose, and one port may lead to many targets.
sys::unique_fd connect_from(const sys::socket_address& from, const sys::socket_address& address,
                            std::chrono::milliseconds timeout = patience);
sys::unique_fd accept_from(int listener, io_mode mode = io_mode::non_blocking,
                           std::chrono::milliseconds timeout = patience);

/// Sends all of it, waiting as needed, whatever the socket's mode.
void send_all(int fd, std::span<const std::byte> bytes, std::chrono::milliseconds timeout = patience);
void send_all(int fd, std::string_view text, std::chrono::milliseconds timeout = patience);
/// Sends until the kernel takes no more without blocking: the number of bytes it took.
std::size_t send_until_full(int fd);

/// Waits for n bytes; an end of file or an error before them is thrown.
std::vector<std::byte> receive_exactly(int fd, std::size_t n, std::chrono::milliseconds timeout = patience);
/// The same as text.
std::string receive_text(int fd, std::size_t n, std::chrono::milliseconds timeout = patience);
/// Everything until the end of file.
std::vector<std::byte> receive_until_eof(int fd, std::chrono::milliseconds timeout = patience);

/// Waits until that many bytes, or more, stand in the receive queue.
void wait_unread(int fd, std::size_t n, std::chrono::milliseconds timeout = patience);

/// Closes with a reset (SO_LINGER 0): the peer sees ECONNRESET.
void reset(sys::unique_fd fd);

void set_blocking(int fd, io_mode mode);

}  // namespace sluice::support
