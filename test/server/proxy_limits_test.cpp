#include <sys/resource.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include "server/proxy_fixture.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

/// Nobody comes to this listener for as long as a client that waits would take to be let in by mistake.
bool stays_quiet(int listener) { return !support::wait_readable(listener, std::chrono::milliseconds(250)); }

}  // namespace

TEST_CASE("proxy: above max_connections of a service clients wait, and are let in when one leaves", "[server][proxy]") {
  const support::fd_baseline baseline;
  const bool of_service = GENERATE(true, false);
  CAPTURE(of_service);
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  config settings = make_config(tcp_address(port.first()), {address_of(backend.address)});
  if (of_service)
    settings.services[0].max_connections = 2;
  else
    settings.limits.max_connections = 2;
  running_proxy proxy(settings);
  std::vector<support::socket_pair> in;
  for (int i = 0; i < 2; ++i) in.push_back(connect_through(port.address(), backend.fd.get()));
  support::socket_pair third{support::connect_to(port.address()), {}};
  support::send_all(third.first.get(), "patient");
  CHECK(stays_quiet(backend.fd.get()));
  CHECK(proxy.stats().accepted == 2);
  CHECK(proxy.stats().active == 2);

  in.pop_back();
  third.second = support::accept_from(backend.fd.get());
  CHECK(support::receive_text(third.second.get(), 7) == "patient");
  check_passes(third);
  CHECK(proxy.stats().active == 2);
  CHECK(proxy.stats().accept_pauses >= 1);
  CHECK(proxy.stats().rejected == 0);
  in.clear();
  third = {};
  proxy.check_at_rest();
}

TEST_CASE("proxy: with when_full = reset those above the limit are told at once", "[server][proxy]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  config settings = make_config(tcp_address(port.first()), {address_of(backend.address)});
  settings.services[0].max_connections = 2;
  settings.services[0].when_full = full_action::reset;
  running_proxy proxy(settings);
  std::vector<support::socket_pair> in;
  for (int i = 0; i < 2; ++i) in.push_back(connect_through(port.address(), backend.fd.get()));
  for (int i = 0; i < 3; ++i) CHECK(knock(port.address()) == ECONNRESET);
  CHECK(proxy.stats().rejected == 3);
  CHECK(proxy.stats().accepted == 2);
  for (const support::socket_pair& one : in) check_passes(one);
  in.pop_back();
  REQUIRE(support::wait_until([&] { return proxy.stats().active == 1; }));
  in.push_back(connect_through(port.address(), backend.fd.get()));
  check_passes(in.back());
}

TEST_CASE("proxy: a service at its limit keeps nobody from another", "[server][proxy]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const support::listening_socket other = support::listen_tcp();
  const held_ports ports(2);
  config settings = make_config(tcp_address(ports.first()), {address_of(backend.address)});
  settings.services[0].max_connections = 1;
  settings.services.push_back(make_service(tcp_address(ports.first() + 1), {address_of(other.address)}));
  running_proxy proxy(settings);
  const support::socket_pair in = connect_through(ports.address(0), backend.fd.get());
  const sys::unique_fd waits = support::connect_to(ports.address(0));
  for (int i = 0; i < 10; ++i) check_passes(connect_through(ports.address(1), other.fd.get()));
  check_passes(in);
}

TEST_CASE("proxy: a max_connections that the descriptors can't carry is refused at start", "[server][proxy]") {
  const support::fd_baseline baseline;
  const held_ports port;
  config settings = make_config(tcp_address(port.first()), {tcp_address(9)});
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  if (limit.rlim_max > 4'000'000) limit.rlim_max = 4'000'000;
  settings.limits.max_connections = static_cast<std::uint32_t>(limit.rlim_max);
  std::string text;
  try {
    const proxy never(settings);
  } catch (const startup_error& error) {
    text = error.what();
  }
  CHECK(text.find("limits.max_connections") != std::string::npos);
}

TEST_CASE("proxy: goes on after it ran out of descriptors", "[server][proxy]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  running_proxy proxy(make_config(tcp_address(port.first()), {address_of(backend.address)}));
  {
    const support::socket_pair warm = connect_through(port.address(), backend.fd.get());
    check_passes(warm);
  }
  proxy.check_at_rest();
  // A client that is in the kernel before the limit falls, so that only the proxy wants for descriptors.
  sys::unique_fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit few = before;
  few.rlim_cur = 3;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  const int connected = sys::connect(client.get(), port.address());
  const bool paused = support::wait_until([&] { return proxy.stats().accept_pauses >= 1; });
  const sluice::stats while_short = proxy.stats();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(connected == 0);
  CHECK(paused);
  CHECK(while_short.accepted == 1);
  support::socket_pair ends{std::move(client), support::accept_from(backend.fd.get())};
  check_passes(ends);
  ends = {};
  proxy.check_at_rest();
}
