#include "support/crowd.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>

#include "support/byte_stream.hpp"
#include "sys/limits.hpp"
#include "sys/socket.hpp"

namespace sluice::support {
namespace {

constexpr std::size_t piece_bytes = 16 * 1024;
/// Clients whose connect is under way at a time: fewer than a backlog.
constexpr std::size_t connects_at_once = 128;

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

std::uint64_t next_seed() {
  static std::atomic<std::uint64_t> count{1'000'000};
  return ++count;
}

}  // namespace

crowd::crowd(const sys::socket_address& to, std::size_t n) : buffer_(piece_bytes) {
  sys::raise_descriptor_limit();
  members_.reserve(n);
  while (members_.size() < n) connect_some(to, std::min(connects_at_once, n - members_.size()));
}

void crowd::connect_some(const sys::socket_address& to, std::size_t n) {
  const std::size_t first = members_.size();
  for (std::size_t i = 0; i < n; ++i) {
    sys::fd_result made = sys::make_socket(to.family());
    if (!made) fail(made.error, "socket");
    if (!to.is_unix()) sys::set_option(made.fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    const int error = sys::connect(made.fd.get(), to);
    if (error != 0 && error != EINPROGRESS) fail(error, "connect");
    member fresh;
    fresh.fd = std::move(made.fd);
    fresh.seed = next_seed();
    members_.push_back(std::move(fresh));
  }
  for (std::size_t i = first; i < members_.size(); ++i) {
    if (!wait_writable(members_[i].fd.get())) throw std::runtime_error("connect timed out");
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(members_[i].fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) fail(error, "connect");
  }
}

void crowd::exchange(std::uint64_t bytes_each, std::chrono::milliseconds timeout) {
  std::vector<member*> all;
  for (member& one : members_) {
    one.target += bytes_each;
    all.push_back(&one);
  }
  run(std::move(all), timeout);
}

void crowd::exchange_one(std::size_t which, std::uint64_t bytes, std::chrono::milliseconds timeout) {
  members_[which].target += bytes;
  run({&members_[which]}, timeout);
}

void crowd::leave(std::size_t n) { members_.resize(members_.size() - std::min(n, members_.size())); }

void crowd::run(std::vector<member*> active, std::chrono::milliseconds timeout) {
  const sys::unique_fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  for (member* one : active) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT;
    event.data.ptr = one;
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, one->fd.get(), &event) != 0) fail(errno, "epoll_ctl");
  }
  std::size_t left = active.size();
  std::array<epoll_event, 256> events;
  while (left > 0) {
    const int n =
        ::epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), static_cast<int>(timeout.count()));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      throw std::runtime_error(std::to_string(left) + " of " + std::to_string(active.size()) +
                               " clients wait for bytes that do not come");
    for (int i = 0; i < n; ++i) {
      epoll_event& event = events[static_cast<std::size_t>(i)];
      member& one = *static_cast<member*>(event.data.ptr);
      send_more(one);
      receive_more(one);
      if (one.done()) {
        ::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, one.fd.get(), nullptr);
        --left;
      } else if (one.sent == one.target && (event.events & EPOLLOUT) != 0) {
        event.events = EPOLLIN;
        ::epoll_ctl(epoll.get(), EPOLL_CTL_MOD, one.fd.get(), &event);
      }
    }
  }
}

void crowd::send_more(member& one) {
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(one.target - one.sent, piece_bytes));
  if (wanted == 0) return;
  byte_stream(one.seed).fill(one.sent, std::span(buffer_).first(wanted));
  const ssize_t n = ::send(one.fd.get(), buffer_.data(), wanted, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n >= 0)
    one.sent += static_cast<std::uint64_t>(n);
  else if (errno != EAGAIN)
    fail(errno, "send");
}

void crowd::receive_more(member& one) {
  const ssize_t n = ::recv(one.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return;
  if (n < 0) fail(errno, "recv");
  if (n == 0) throw std::runtime_error("end of file after " + std::to_string(one.received) + " bytes");
  const auto came = std::span(buffer_).first(static_cast<std::size_t>(n));
  const std::size_t right = byte_stream(one.seed).matching(one.received, came);
  one.received += right;
  if (right != came.size()) throw std::runtime_error("a wrong byte at " + std::to_string(one.received));
}

}  // namespace sluice::support
