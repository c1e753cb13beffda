#include "support/loopback.hpp"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "sys/socket.hpp"

namespace sluice::support {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

void require(int error, const char* what) {
  if (error != 0) throw std::system_error(error, std::generic_category(), what);
}

sys::unique_fd new_socket(int family) {
  sys::fd_result made = sys::make_socket(family);
  require(made.error, "socket");
  return std::move(made.fd);
}

void set_nodelay(int fd) { require(sys::set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1), "TCP_NODELAY"); }

milliseconds left_until(steady_clock::time_point deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
  if (left.count() <= 0) throw std::runtime_error("timed out");
  return left;
}

/// recv(2) once something is there; 0 is the end of file.
std::size_t receive_some(int fd, std::span<std::byte> into, steady_clock::time_point deadline) {
  while (true) {
    const ssize_t n = ::recv(fd, into.data(), into.size(), MSG_DONTWAIT);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EAGAIN)
      wait_readable(fd, left_until(deadline));
    else if (errno != EINTR)
      require(errno, "recv");
  }
}

}  // namespace

socket_pair tcp_pair(io_mode mode) {
  const listening_socket listener = listen_tcp();
  socket_pair made;
  made.first = connect_to(listener.address, mode);
  made.second = accept_from(listener.fd.get(), mode);
  return made;
}

socket_pair unix_pair(io_mode mode) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) require(errno, "socketpair");
  socket_pair made{sys::unique_fd(ends[0]), sys::unique_fd(ends[1])};
  set_blocking(made.first.get(), mode);
  set_blocking(made.second.get(), mode);
  return made;
}

listening_socket listen_at(const sys::socket_address& address, int backlog) {
  listening_socket made{new_socket(address.family()), {}};
  require(sys::bind(made.fd.get(), address), "bind");
  require(sys::listen(made.fd.get(), backlog), "listen");
  made.address = sys::local_address(made.fd.get());
  return made;
}

listening_socket listen_tcp(int family, int backlog) {
  return listen_at(*sys::socket_address::from_literal(family == AF_INET6 ? "::1" : "127.0.0.1", 0), backlog);
}

listening_socket listen_unix(int backlog) {
  static std::atomic<unsigned> count{0};
  const std::string name = "sluice-test-" + std::to_string(::getpid()) + '-' + std::to_string(++count);
  return listen_at(*sys::socket_address::from_unix_abstract(name), backlog);
}

listening_socket closed_port() {
  listening_socket made{new_socket(AF_INET), {}};
  require(sys::bind(made.fd.get(), *sys::socket_address::from_literal("127.0.0.1", 0)), "bind");
  made.address = sys::local_address(made.fd.get());
  return made;
}

namespace {

void finish_connect(int fd, const sys::socket_address& address, milliseconds timeout) {
  int error = sys::connect(fd, address);
  if (error == EINPROGRESS) {
    if (!wait_writable(fd, timeout)) throw std::runtime_error("connect timed out");
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  require(error, "connect");
  if (!address.is_unix()) set_nodelay(fd);
}

}  // namespace

sys::unique_fd connect_to(const sys::socket_address& address, io_mode mode, milliseconds timeout) {
  sys::unique_fd fd = new_socket(address.family());
  finish_connect(fd.get(), address, timeout);
  set_blocking(fd.get(), mode);
  return fd;
}

sys::unique_fd connect_from(const sys::socket_address& from, const sys::socket_address& address, milliseconds timeout) {
  sys::unique_fd fd = new_socket(address.family());
  require(sys::set_option(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1), "IP_BIND_ADDRESS_NO_PORT");
  require(sys::bind(fd.get(), from), "bind");
  finish_connect(fd.get(), address, timeout);
  return fd;
}

sys::unique_fd accept_from(int listener, io_mode mode, milliseconds timeout) {
  if (!wait_readable(listener, timeout)) throw std::runtime_error("nobody connected");
  sys::socket_address peer;
  sys::fd_result taken = sys::accept(listener, peer);
  require(taken.error, "accept");
  if (!peer.is_unix()) set_nodelay(taken.fd.get());
  set_blocking(taken.fd.get(), mode);
  return std::move(taken.fd);
}

void send_all(int fd, std::span<const std::byte> bytes, milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    else if (errno == EAGAIN)
      wait_writable(fd, left_until(deadline));
    else if (errno != EINTR)
      require(errno, "send");
  }
}

void send_all(int fd, std::string_view text, milliseconds timeout) {
  send_all(fd, std::as_bytes(std::span(text)), timeout);
}

std::size_t send_until_full(int fd) {
  const std::vector<std::byte> zeros(256 * 1024);
  std::size_t sent = 0;
  while (true) {
    const ssize_t n = ::send(fd, zeros.data(), zeros.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
      sent += static_cast<std::size_t>(n);
    else if (errno == EAGAIN)
      return sent;
    else if (errno != EINTR)
      require(errno, "send");
  }
}

std::vector<std::byte> receive_exactly(int fd, std::size_t n, milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  std::vector<std::byte> received(n);
  for (std::size_t done = 0; done < n;) {
    const std::size_t came = receive_some(fd, std::span(received).subspan(done), deadline);
    if (came == 0)
      throw std::runtime_error("end of file after " + std::to_string(done) + " of " + std::to_string(n) + " bytes");
    done += came;
  }
  return received;
}

std::string receive_text(int fd, std::size_t n, milliseconds timeout) {
  const auto received = receive_exactly(fd, n, timeout);
  return {reinterpret_cast<const char*>(received.data()), received.size()};
}

std::vector<std::byte> receive_until_eof(int fd, milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  std::vector<std::byte> received;
  std::vector<std::byte> piece(64 * 1024);
  while (const std::size_t came = receive_some(fd, piece, deadline))
    received.insert(received.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(came));
  return received;
}

void wait_unread(int fd, std::size_t n, milliseconds timeout) {
  if (!wait_until([&] { return sys::unread_bytes(fd) >= static_cast<long>(n); }, timeout))
    throw std::runtime_error(std::to_string(sys::unread_bytes(fd)) + " bytes unread, not " + std::to_string(n));
}

void reset(sys::unique_fd fd) { sys::reset_on_close(fd.get()); }

void set_blocking(int fd, io_mode mode) {
  const int flags = ::fcntl(fd, F_GETFL);
  const int wanted = mode == io_mode::blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
  if (flags < 0 || ::fcntl(fd, F_SETFL, wanted) != 0) require(errno, "fcntl");
}

}  // namespace sluice::support
