#include "support/peer_server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <exception>
#include <stdexcept>
#include <utility>

#include "support/catch.hpp"
#include "sys/socket.hpp"

namespace sluice::support {

sys::socket_address parse_address(const std::string& text) {
  std::optional<sys::socket_address> result;
  if (text.starts_with("unix:@")) {
    result = sys::socket_address::from_unix_abstract(text.substr(6));
  } else if (text.starts_with("unix:")) {
    result = sys::socket_address::from_unix_path(text.substr(5));
  } else {
    const std::size_t colon = text.rfind(':');
    std::string host = text.substr(0, colon);
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    result = sys::socket_address::from_literal(host, static_cast<std::uint16_t>(std::stoi(text.substr(colon + 1))));
  }
  if (!result) throw std::invalid_argument("no address: " + text);
  return *result;
}

peer_server::peer_server(listening_socket where, handler treat, std::size_t threads)
    : where_(std::move(where)), treat_(std::move(treat)), stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
}

peer_server::~peer_server() {
  ::eventfd_write(stop_.get(), 1);
  for (std::thread& one : threads_) one.join();
}

void peer_server::check() const {
  const std::lock_guard held(mutex_);
  for (const std::string& one : problems_) {
    INFO(one);
    CHECK(false);
  }
}

void peer_server::serve() {
  std::array<pollfd, 2> waited{pollfd{where_.fd.get(), POLLIN, 0}, pollfd{stop_.get(), POLLIN, 0}};
  while (true) {
    ::poll(waited.data(), waited.size(), -1);
    if (waited[1].revents != 0) return;
    sys::socket_address peer;
    sys::fd_result taken = sys::accept(where_.fd.get(), peer);
    if (!taken) continue;  // another thread was faster
    ++accepted_;
    try {
      if (!peer.is_unix()) sys::set_option(taken.fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
      treat_(std::move(taken.fd));
    } catch (const std::exception& problem) {
      const std::lock_guard held(mutex_);
      problems_.emplace_back(problem.what());
    }
    ++treated_;
  }
}

void echo(int fd, std::chrono::milliseconds timeout) {
  std::vector<std::byte> piece(64 * 1024);
  while (wait_readable(fd, timeout)) {
    const ssize_t n = ::recv(fd, piece.data(), piece.size(), MSG_DONTWAIT);
    if (n < 0) return;
    if (n == 0) {
      ::shutdown(fd, SHUT_WR);
      return;
    }
    send_all(fd, std::span(piece).first(static_cast<std::size_t>(n)), timeout);
  }
}

peer_server::handler answer_with(const std::string& letter) {
  return [letter](const sys::unique_fd& fd) {
    receive_text(fd.get(), 1);
    send_all(fd.get(), letter);
  };
}

std::string first_answer(const std::string& front) {
  try {
    const sys::unique_fd client = connect_to(parse_address(front));
    send_all(client.get(), "x");
    return receive_text(client.get(), 1);
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace sluice::support
