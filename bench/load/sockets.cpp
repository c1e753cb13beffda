#include "sockets.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

namespace sluice::bench {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

unique_fd stream_socket() {
  unique_fd made(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (made.get() < 0) throw_errno("socket");
  const int on = 1;
  if (setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) throw_errno("TCP_NODELAY");
  return made;
}

io_result result_of(ssize_t result) {
  if (result > 0) return {io_state::moved, static_cast<std::size_t>(result)};
  if (result < 0 && (errno == EAGAIN || errno == EINTR)) return {io_state::not_now, 0};
  return {io_state::ended, 0};
}

}  // namespace

unique_fd::~unique_fd() { close(); }

void unique_fd::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void throw_errno(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

unique_fd listen_on(std::uint16_t port) {
  unique_fd listener = stream_socket();
  const int on = 1;
  // Every loopback address, for relays with several backends; nobody else can reach it.
  sockaddr_in address = loopback(port);
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  constexpr std::string_view device = "lo";
  if (setsockopt(listener.get(), SOL_SOCKET, SO_BINDTODEVICE, device.data(), device.size()) < 0)
    throw_errno("SO_BINDTODEVICE");
  if (setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) throw_errno("SO_REUSEADDR");
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) throw_errno("bind");
  if (listen(listener.get(), 4096) < 0) throw_errno("listen");
  return listener;
}

unique_fd accept_from(const unique_fd& listener) {
  return unique_fd(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

unique_fd start_connect(std::uint16_t port) {
  unique_fd socket = stream_socket();
  const sockaddr_in address = loopback(port);
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 && errno != EINPROGRESS) {
    throw_errno("connect");
  }
  return socket;
}

void reset_on_close(const unique_fd& socket) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void pace(const unique_fd& socket, std::uint32_t bytes_a_second) {
  if (setsockopt(socket.get(), SOL_SOCKET, SO_MAX_PACING_RATE, &bytes_a_second, sizeof bytes_a_second) < 0) {
    throw_errno("SO_MAX_PACING_RATE");
  }
}

io_result receive(int fd, std::span<std::byte> into) { return result_of(recv(fd, into.data(), into.size(), 0)); }

io_result discard(int fd, std::size_t at_most) {
  static std::array<std::byte, largest_chunk_bytes> never_written;  // the kernel leaves it alone
  return result_of(recv(fd, never_written.data(), at_most, MSG_TRUNC));
}

io_result transmit(int fd, std::span<const std::byte> from) {
  return result_of(send(fd, from.data(), from.size(), MSG_NOSIGNAL));
}

event_set::event_set() : set_(epoll_create1(EPOLL_CLOEXEC)) {
  if (set_.get() < 0) throw_errno("epoll_create1");
}

void event_set::add(int fd, std::uint32_t interest, void* tag) {
  epoll_event event{.events = interest, .data = {.ptr = tag}};
  if (epoll_ctl(set_.get(), EPOLL_CTL_ADD, fd, &event) < 0) throw_errno("epoll_ctl");
}

void event_set::change(int fd, std::uint32_t interest, void* tag) {
  epoll_event event{.events = interest, .data = {.ptr = tag}};
  if (epoll_ctl(set_.get(), EPOLL_CTL_MOD, fd, &event) < 0) throw_errno("epoll_ctl");
}

std::span<epoll_event> event_set::wait(std::span<epoll_event> into, int milliseconds) {
  const int count = epoll_wait(set_.get(), into.data(), static_cast<int>(into.size()), milliseconds);
  if (count < 0 && errno != EINTR) throw_errno("epoll_wait");
  return into.first(count < 0 ? 0 : static_cast<std::size_t>(count));
}

}  // namespace sluice::bench
