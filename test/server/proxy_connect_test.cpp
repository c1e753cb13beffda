#include <cerrno>
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "connect/resolver_dns_server.hpp"
#include "server/proxy_fixture.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

/// A TCP listener whose accept queue is full: a SYN to it is never answered.
struct silent_backend {
  silent_backend() : fills_it(support::connect_to(socket.address)) { support::wait_readable(socket.fd.get()); }
  support::listening_socket socket = support::listen_tcp(AF_INET, 0);
  sys::unique_fd fills_it;
};

/// Which of two listeners somebody is let into next: its index, and the connection.
std::pair<int, sys::unique_fd> accept_of(const support::listening_socket& first,
                                         const support::listening_socket& second) {
  REQUIRE(support::wait_until(
      [&] { return support::is_readable(first.fd.get()) || support::is_readable(second.fd.get()); }));
  const bool is_first = support::is_readable(first.fd.get());
  return {is_first ? 0 : 1, support::accept_from((is_first ? first : second).fd.get())};
}

/// A DNS server in a thread of its own.
struct dns_thread {
  explicit dns_thread(scripted_dns_server::script script) {
    server.answer_with(std::move(script));
    thread = std::thread([this] { io.run(); });
  }
  ~dns_thread() {
    io.stop();
    thread.join();
  }
  boost::asio::io_context io{1};
  scripted_dns_server server{io};
  std::thread thread;
};

}  // namespace

TEST_CASE("proxy: a backend that refuses is passed over, and no client notices", "[server][proxy]") {
  const support::fd_baseline baseline;
  const support::listening_socket closed = support::closed_port();
  const support::listening_socket gone = support::closed_port();
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  running_proxy proxy(make_config(tcp_address(port.first()),
                                  {address_of(closed.address), address_of(gone.address), address_of(backend.address)}));
  for (int i = 0; i < 20; ++i) {
    support::socket_pair ends = connect_through(port.address(), backend.fd.get());
    check_passes(ends);
    // An end of file arrives as one, whatever happened before the backend was found.
    ends.second.reset();
    CHECK(wait_for_end(ends.first.get()) == 0);
  }
  proxy.check_at_rest();
  CHECK(proxy.closed(close_reason::backend_fin) == 20);
  CHECK(proxy.stats().connect_failures >= 2);
  CHECK(proxy.stats().connect_failures < 20);  // who refused rests
}

TEST_CASE("proxy: a unix backend that is gone is passed over, too", "[server][proxy]") {
  const support::fd_baseline baseline;
  address gone;
  gone.type = address::kind::unix_path;
  gone.path = "/nowhere/at/all.sock";
  const support::listening_socket closed = support::closed_port();
  const support::listening_socket backend = support::listen_unix();
  const held_ports port;
  running_proxy proxy(
      make_config(tcp_address(port.first()), {gone, address_of(closed.address), address_of(backend.address)}));
  support::socket_pair ends = connect_through(port.address(), backend.fd.get());
  check_passes(ends);
  ends.second.reset();
  CHECK(wait_for_end(ends.first.get()) == 0);
  ends.first.reset();
  proxy.check_at_rest();
  CHECK(proxy.stats().connect_failures == 2);
}

TEST_CASE("proxy: where all refuse the client is reset", "[server][proxy]") {
  const support::fd_baseline baseline;
  const support::listening_socket closed = support::closed_port();
  const support::listening_socket gone = support::closed_port();
  const held_ports port;
  running_proxy proxy(make_config(tcp_address(port.first()), {address_of(closed.address), address_of(gone.address)}));
  for (int i = 0; i < 5; ++i) {
    CHECK(knock(port.address()) == ECONNRESET);
  }
  proxy.check_at_rest();
  CHECK(proxy.closed(close_reason::connect_failed) == 5);
  CHECK(proxy.stats().connect_failures == 10);
}

TEST_CASE("proxy: a backend that does not answer is left for the next at its timeout", "[server][proxy]") {
  const support::fd_baseline baseline;
  const silent_backend silent;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  config settings =
      make_config(tcp_address(port.first()), {address_of(silent.socket.address), address_of(backend.address)});
  settings.services[0].timeouts.connect = 100ms;
  running_proxy proxy(settings);
  const auto begin = std::chrono::steady_clock::now();
  // The first client is sent to the first backend.
  support::socket_pair ends = connect_through(port.address(), backend.fd.get());
  check_passes(ends);
  CHECK(std::chrono::steady_clock::now() - begin >= 100ms);
  CHECK(std::chrono::steady_clock::now() - begin < 1s);
  CHECK(proxy.stats().connect_failures == 1);
  ends = {};
  proxy.check_at_rest();
}

TEST_CASE("proxy: where nobody answers, connect_total is the end", "[server][proxy]") {
  const support::fd_baseline baseline;
  const silent_backend silent;
  const silent_backend mute;
  const held_ports port;
  config settings =
      make_config(tcp_address(port.first()), {address_of(silent.socket.address), address_of(mute.socket.address)});
  settings.services[0].timeouts.connect = 10s;
  settings.services[0].timeouts.connect_total = 80ms;
  running_proxy proxy(settings);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(knock(port.address()) == ECONNRESET);
  CHECK(std::chrono::steady_clock::now() - begin >= 80ms);
  CHECK(std::chrono::steady_clock::now() - begin < 2s);
  proxy.check_at_rest();
  CHECK(proxy.closed(close_reason::connect_timeout) == 1);
}

TEST_CASE("proxy: a client that leaves by reset while its backend is sought ends the search", "[server][proxy]") {
  const support::fd_baseline baseline;
  const silent_backend silent;
  const held_ports port;
  running_proxy proxy(make_config(tcp_address(port.first()), {address_of(silent.socket.address)}));
  sys::unique_fd client = support::connect_to(port.address());
  REQUIRE(support::wait_until([&] { return proxy.stats().active == 1; }));
  support::reset(std::move(client));
  proxy.check_at_rest();
  CHECK(proxy.closed(close_reason::client_reset) == 1);
  CHECK(proxy.stats().connect_failures == 0);
}

TEST_CASE("proxy: what a client sends and ends while its backend is sought arrives in full", "[server][proxy]") {
  const support::fd_baseline baseline;
  const support::listening_socket full = support::listen_unix(0);
  sys::unique_fd fills_it = support::connect_to(full.address);
  const held_ports port;
  running_proxy proxy(make_config(tcp_address(port.first()), {address_of(full.address)}));
  const sys::unique_fd client = support::connect_to(port.address());
  support::send_all(client.get(), "early");
  ::shutdown(client.get(), SHUT_WR);
  REQUIRE(support::wait_until([&] { return proxy.stats().active == 1; }));
  support::accept_from(full.fd.get());
  sys::unique_fd backend = support::accept_from(full.fd.get());
  CHECK(support::receive_until_eof(backend.get()).size() == 5);
  backend.reset();
  CHECK(wait_for_end(client.get()) == 0);
  proxy.check_at_rest();
}

TEST_CASE("proxy: weights are respected", "[server][proxy]") {
  const support::fd_baseline baseline;
  const support::listening_socket heavy = support::listen_tcp();
  const support::listening_socket light = support::listen_tcp();
  const held_ports port;
  config settings = make_config(tcp_address(port.first()), {address_of(heavy.address), address_of(light.address)});
  settings.services[0].backends[0].weight = 3;
  running_proxy proxy(settings);
  std::map<int, int> got;
  for (int i = 0; i < 40; ++i) {
    const sys::unique_fd client = support::connect_to(port.address());
    ++got[accept_of(heavy, light).first];
  }
  CHECK(got[0] == 30);
  CHECK(got[1] == 10);
}

TEST_CASE("proxy: a name is resolved before the doors open, and followed", "[server][proxy]") {
  const support::fd_baseline baseline;
  const held_ports port;
  held_ports target;
  {
    dns_thread dns([](const dns_question& question) {
      dns_reply reply;
      if (question.name == "app.sluice.test" && question.type == record_type::a)
        reply.records = {{record_type::a, "127.0.0.1", 300}};
      return reply;
    });
    address by_name = tcp_address(target.first());
    by_name.host = "app.sluice.test";
    config settings = make_config(tcp_address(port.first()), {by_name}, 2);
    settings.dns.servers = {dns.server.address()};
    running_proxy proxy(settings);
    check_passes(connect_through(port.address(), target.listen(0)));
    proxy.check_at_rest();
  }
}

TEST_CASE("proxy: a name that nobody knows leaves its backend out; alone, the client is reset", "[server][proxy]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports ports(2);
  {
    dns_thread dns([](const dns_question&) {
      dns_reply reply;
      reply.rcode = rcode_nxdomain;
      return reply;
    });
    address unknown = tcp_address(9);
    unknown.host = "gone.sluice.test";
    config settings = make_config(tcp_address(ports.first()), {unknown, address_of(backend.address)});
    settings.services.push_back(make_service(tcp_address(ports.first() + 1), {unknown}));
    settings.dns.servers = {dns.server.address()};
    running_proxy proxy(settings);
    for (int i = 0; i < 3; ++i) check_passes(connect_through(ports.address(0), backend.fd.get()));
    CHECK(knock(ports.address(1)) == ECONNRESET);
    proxy.check_at_rest();
    CHECK(proxy.closed(close_reason::no_backend) == 1);
  }
}
