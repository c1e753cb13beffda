#include "support/echo_server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "sys/socket.hpp"
#include "sys/socket_address.hpp"

namespace sluice::support {
namespace {

void watch(int epoll, int operation, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  ::epoll_ctl(epoll, operation, fd, &event);
}

}  // namespace

echo_server::echo_server(listening_socket where)
    : where_(std::move(where)),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      buffer_(64 * 1024) {
  watch(epoll_.get(), EPOLL_CTL_ADD, where_.fd.get(), EPOLLIN);
  watch(epoll_.get(), EPOLL_CTL_ADD, stop_.get(), EPOLLIN);
  thread_ = std::thread([this] { serve(); });
}

echo_server::~echo_server() {
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

void echo_server::serve() {
  std::array<epoll_event, 256> events;
  while (true) {
    const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < n; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == stop_.get()) return;
      if (fd == where_.fd.get()) {
        take_in();
        continue;
      }
      const auto found = connections_.find(fd);
      if (found == connections_.end()) continue;
      if (move(found->second)) {
        wait_for(found->second);
      } else {
        connections_.erase(found);
        --open_;
      }
    }
  }
}

void echo_server::take_in() {
  for (int i = 0; i < 64; ++i) {
    sys::socket_address peer;
    sys::fd_result taken = sys::accept(where_.fd.get(), peer);
    if (!taken) return;
    const int fd = taken.fd.get();
    if (!peer.is_unix()) sys::set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    watch(epoll_.get(), EPOLL_CTL_ADD, fd, EPOLLIN);
    connections_[fd].fd = std::move(taken.fd);
    ++accepted_;
    ++open_;
  }
}

bool echo_server::move(connection& one) {
  while (true) {
    while (!one.unsent.empty()) {
      const ssize_t n = ::send(one.fd.get(), one.unsent.data(), one.unsent.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0) return errno == EAGAIN;
      one.unsent.erase(one.unsent.begin(), one.unsent.begin() + n);
    }
    if (one.ended) return false;
    const ssize_t n = ::recv(one.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN;
    one.ended = n == 0;
    one.unsent.assign(buffer_.begin(), buffer_.begin() + n);
  }
}

void echo_server::wait_for(const connection& one) const {
  watch(epoll_.get(), EPOLL_CTL_MOD, one.fd.get(), one.unsent.empty() ? EPOLLIN : EPOLLOUT);
}

}  // namespace sluice::support
