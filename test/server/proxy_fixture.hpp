#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "sluice/proxy.hpp"

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"
#include "sys/socket.hpp"

/// A proxy in this process, with a configuration built in code; clients and backends are the test's own sockets.
namespace sluice::test {

inline sys::socket_address loopback_at(std::uint16_t port) {
  return *sys::socket_address::from_literal("127.0.0.1", port);
}

/// Ports in a row on 127.0.0.1 that the kernel gives to nobody else while this lives, yet may be listened on
/// (SO_REUSEADDR): a proxy does not tell which port it was given, so it is given one.
class held_ports {
 public:
  explicit held_ports(std::uint16_t n = 1) {
    for (int tries = 0; tries < 1000 && sockets_.size() < n; ++tries) {
      sockets_.clear();
      // Where connections that just ended take up the kernel's range, ports below it are free.
      const int begin = tries < 500 ? 0 : 10'000 + 20 * tries;
      for (std::uint16_t i = 0; i < n && hold(i == 0 ? begin : first() + i); ++i) {
      }
    }
    REQUIRE(sockets_.size() == n);
  }

  std::uint16_t first() const { return sys::local_address(sockets_.front().get()).port(); }
  sys::socket_address address(std::uint16_t offset = 0) const {
    return loopback_at(static_cast<std::uint16_t>(first() + offset));
  }
  /// Turns one of them into a listener of the test's.
  int listen(std::size_t offset) {
    REQUIRE(sys::listen(sockets_[offset].get(), 128) == 0);
    return sockets_[offset].get();
  }

 private:
  bool hold(int port) {
    sys::fd_result made = sys::make_socket(AF_INET);
    REQUIRE(made);
    if (port > 65'535 || sys::bind(made.fd.get(), loopback_at(static_cast<std::uint16_t>(port))) != 0) return false;
    // Not before: two that have it may be bound to the same port.
    REQUIRE(sys::set_option(made.fd.get(), SOL_SOCKET, SO_REUSEADDR, 1) == 0);
    sockets_.push_back(std::move(made.fd));
    return true;
  }
  std::vector<sys::unique_fd> sockets_;
};

inline address tcp_address(std::uint16_t first, std::uint16_t last = 0) {
  address result;
  result.host = "127.0.0.1";
  result.ports = {first, last == 0 ? first : last};
  return result;
}

/// The configuration's word for an address of the test's.
inline address address_of(const sys::socket_address& from) {
  if (!from.is_unix()) return tcp_address(from.port());
  address result;
  const std::string text = to_string(from);
  const bool abstract = text[5] == '@';
  result.type = abstract ? address::kind::unix_abstract : address::kind::unix_path;
  result.path = text.substr(abstract ? 6 : 5);
  return result;
}

inline service_config make_service(const address& listen, const std::vector<address>& targets) {
  service_config result;
  result.name = "web";
  listener_config door;
  door.listen = listen;
  door.where = {"test.toml", 3, 10};
  result.listeners.push_back(door);
  for (const address& target : targets) {
    backend_config one;
    one.target = target;
    result.backends.push_back(one);
  }
  return result;
}

inline config make_config(service_config service, std::uint32_t workers = 1) {
  config result;
  result.services.push_back(std::move(service));
  result.limits.workers = workers;
  result.log.output = "/dev/null";
  return result;
}

inline config make_config(const address& listen, const std::vector<address>& targets, std::uint32_t workers = 1) {
  return make_config(make_service(listen, targets), workers);
}

/// A proxy that serves, in a thread of its own, from its construction on.
class running_proxy {
 public:
  explicit running_proxy(const config& settings) : proxy_(settings) {
    std::promise<void> ready;
    std::future<void> is_ready = ready.get_future();
    ended_ = std::async(std::launch::async,
                        [this, ready = std::move(ready)]() mutable { return proxy_.run([&] { ready.set_value(); }); });
    REQUIRE(is_ready.wait_for(support::patience) == std::future_status::ready);
  }
  running_proxy(const running_proxy&) = delete;
  running_proxy& operator=(const running_proxy&) = delete;
  ~running_proxy() {
    if (!ended_.valid()) return;
    proxy_.stop();
    proxy_.stop();
    ended_.wait();
  }

  void stop() { proxy_.stop(); }
  bool has_ended() { return ended_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }
  exit_code result() {
    REQUIRE(ended_.wait_for(support::patience) == std::future_status::ready);
    return ended_.get();
  }

  sluice::stats stats() const { return proxy_.stats(); }
  std::uint64_t closed(close_reason reason) const { return stats().closed[static_cast<std::size_t>(reason)]; }
  std::uint64_t closed() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t of_reason : stats().closed) sum += of_reason;
    return sum;
  }

  /// Waits until every session has ended, and checks what holds of any proxy then.
  void check_at_rest() const {
    CHECK(support::wait_until([&] { return stats().active == 0 && closed() == stats().accepted; }));
    const sluice::stats now = stats();
    CHECK(now.relay.lost_edges == 0);
    CHECK(now.relay.pipes_in_use == 0);
    CHECK(now.log_dropped == 0);
  }

 private:
  sluice::proxy proxy_;
  std::future<exit_code> ended_;
};

/// A client and the backend's end of its connection, once bytes went through.
inline support::socket_pair connect_through(const sys::socket_address& proxy, int backend_listener) {
  support::socket_pair ends;
  ends.first = support::connect_to(proxy);
  ends.second = support::accept_from(backend_listener);
  return ends;
}

inline void check_passes(const support::socket_pair& ends) {
  support::send_all(ends.first.get(), "ask");
  CHECK(support::receive_text(ends.second.get(), 3) == "ask");
  support::send_all(ends.second.get(), "reply");
  CHECK(support::receive_text(ends.first.get(), 5) == "reply");
}

/// Waits for the end: 0 for an end of file, errno if the connection broke; bytes before it are thrown away.
inline int wait_for_end(int fd) {
  char bytes[4096];
  while (support::wait_readable(fd)) {
    const ssize_t n = ::recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n == 0) return 0;
    if (n < 0 && errno != EAGAIN) return errno;
  }
  return ETIMEDOUT;
}

/// A client that says nothing: how its connection ended.
inline int knock(const sys::socket_address& proxy) {
  const sys::fd_result client = sys::make_socket(proxy.family());
  const int error = sys::connect(client.fd.get(), proxy);
  return error == 0 || error == EINPROGRESS ? wait_for_end(client.fd.get()) : error;
}

}  // namespace sluice::test
