#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <vector>

#include "server/proxy_fixture.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

TEST_CASE("proxy: idle, it stops at once", "[server][proxy][drain]") {
  const support::fd_baseline baseline;
  const held_ports port;
  running_proxy proxy(make_config(tcp_address(port.first()), {tcp_address(9)}, 2));
  const auto begin = std::chrono::steady_clock::now();
  proxy.stop();
  CHECK(proxy.result() == exit_code::done);
  CHECK(std::chrono::steady_clock::now() - begin < 1s);
}

TEST_CASE("proxy: stopping, it accepts nobody and lets sessions finish", "[server][proxy][drain]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  running_proxy proxy(make_config(tcp_address(port.first()), {address_of(backend.address)}, 2));
  support::socket_pair ends = connect_through(port.address(), backend.fd.get());
  check_passes(ends);
  proxy.stop();
  CHECK(support::wait_until([&] {
    const sys::unique_fd late = sys::make_socket(AF_INET).fd;
    sys::reset_on_close(late.get());  // whoever still got in leaves at once
    sys::connect(late.get(), port.address());
    return support::wait_writable(late.get()) && sys::peer_address(late.get()).port() == 0;
  }));
  check_passes(ends);
  CHECK_FALSE(proxy.has_ended());
  ends.first.reset();
  CHECK(wait_for_end(ends.second.get()) == 0);
  ends.second.reset();
  CHECK(proxy.result() == exit_code::done);
  CHECK(proxy.closed(close_reason::drained) == 0);
}

TEST_CASE("proxy: clients who wait when it stops are served, not reset", "[server][proxy][drain]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  const auto workers = GENERATE(1U, 2U);
  sluice::proxy proxy(make_config(tcp_address(port.first()), {address_of(backend.address)}, workers));
  // They are in the queue before anybody can take them in, and stop() comes before anybody does.
  std::vector<support::socket_pair> ends(8);
  for (support::socket_pair& one : ends) one.first = support::connect_to(port.address());
  auto ended = std::async(std::launch::async, [&] { return proxy.run([&] { proxy.stop(); }); });
  for (support::socket_pair& one : ends) one.second = support::accept_from(backend.fd.get());
  for (const support::socket_pair& one : ends) support::send_all(one.second.get(), "in");
  for (const support::socket_pair& one : ends) CHECK(support::receive_text(one.first.get(), 2) == "in");
  ends.clear();
  CHECK(ended.get() == exit_code::done);
  CHECK(proxy.stats().accepted == 8);
}

TEST_CASE("proxy: a second stop resets what is left, and that shows in the exit code", "[server][proxy][drain]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  running_proxy proxy(make_config(tcp_address(port.first()), {address_of(backend.address)}, 2));
  std::vector<support::socket_pair> ends;
  for (int i = 0; i < 4; ++i) ends.push_back(connect_through(port.address(), backend.fd.get()));
  proxy.stop();
  proxy.stop();
  CHECK(proxy.result() == exit_code::cut);
  for (const support::socket_pair& one : ends) {
    CHECK(wait_for_end(one.first.get()) == ECONNRESET);
    CHECK(wait_for_end(one.second.get()) == ECONNRESET);
  }
  CHECK(proxy.closed(close_reason::drained) == 4);
}

TEST_CASE("proxy: at drain.timeout the rest is reset", "[server][proxy][drain]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  config settings = make_config(tcp_address(port.first()), {address_of(backend.address)});
  settings.drain.timeout = 60ms;
  running_proxy proxy(settings);
  const support::socket_pair ends = connect_through(port.address(), backend.fd.get());
  const auto begin = std::chrono::steady_clock::now();
  proxy.stop();
  CHECK(proxy.result() == exit_code::cut);
  CHECK(std::chrono::steady_clock::now() - begin >= 60ms);
  CHECK(wait_for_end(ends.first.get()) == ECONNRESET);
}

TEST_CASE("proxy: a session whose backend is still sought is cut, too", "[server][proxy][drain]") {
  const support::fd_baseline baseline;
  const support::listening_socket silent = support::listen_tcp(AF_INET, 0);
  const sys::unique_fd fills_it = support::connect_to(silent.address);
  const held_ports port;
  running_proxy proxy(make_config(tcp_address(port.first()), {address_of(silent.address)}));
  const sys::unique_fd client = support::connect_to(port.address());
  REQUIRE(support::wait_until([&] { return proxy.stats().active == 1; }));
  proxy.stop();
  proxy.stop();
  CHECK(proxy.result() == exit_code::cut);
  CHECK(wait_for_end(client.get()) == ECONNRESET);
  CHECK(proxy.closed(close_reason::drained) == 1);
}

TEST_CASE("proxy: goes on accepting for the grace time", "[server][proxy][drain]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  config settings = make_config(tcp_address(port.first()), {address_of(backend.address)});
  settings.drain.grace = 10s;
  running_proxy proxy(settings);
  proxy.stop();
  check_passes(connect_through(port.address(), backend.fd.get()));
  CHECK_FALSE(proxy.has_ended());
  REQUIRE(support::wait_until([&] { return proxy.stats().active == 0; }));
  proxy.stop();
  CHECK(proxy.result() == exit_code::done);
}

TEST_CASE("proxy: SIGTERM drains", "[server][proxy][drain]") {
  const support::fd_baseline baseline;
  const held_ports port;
  running_proxy proxy(make_config(tcp_address(port.first()), {tcp_address(9)}));
  std::raise(SIGTERM);
  CHECK(proxy.result() == exit_code::done);
}

TEST_CASE("proxy: made and never run, it leaves nothing behind", "[server][proxy][drain]") {
  const support::fd_baseline baseline;
  const held_ports port;
  const config settings = make_config(tcp_address(port.first()), {tcp_address(9)}, 2);
  { const sluice::proxy unused(settings); }
  { const sluice::proxy again(settings); }
  sluice::proxy stopped_before_it_ran(settings);
  stopped_before_it_ran.stop();
  CHECK(stopped_before_it_ran.run() == exit_code::done);
}
