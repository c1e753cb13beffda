// Who may be chosen: caps and the queue before them, backups, retries, a service that is down.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "server/proxy_fixture.hpp"
#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

service_config capped(const held_ports& port, const sys::socket_address& backend, std::uint32_t cap) {
  service_config result = make_service(tcp_address(port.first()), {address_of(backend)});
  result.backends[0].max_connections = cap;
  result.timeouts.queue = 60s;
  return result;
}

/// Clients whose connection the proxy has: `waiting` of all that there are stand in the queue.
bool wait_waiting(const running_proxy& proxy, std::uint64_t waiting) {
  return support::wait_until([&] { return proxy.stats().waiting == waiting; });
}

}  // namespace

TEST_CASE("proxy: a backend never has more sessions than its cap, whatever the workers do", "[server][choice]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp(AF_INET, 1024);
  const held_ports port;
  running_proxy proxy(make_config(capped(port, backend.address, 3), 2));
  constexpr std::size_t clients = 60;
  std::vector<sys::unique_fd> all;
  for (std::size_t i = 0; i < clients; ++i) all.push_back(support::connect_to(port.address()));
  CHECK(wait_waiting(proxy, clients - 3));
  std::size_t served = 0;
  std::vector<sys::unique_fd> held;
  while (served < clients) {
    while (support::wait_readable(backend.fd.get(), held.empty() ? support::patience : 1ms)) {
      held.push_back(support::accept_from(backend.fd.get()));
      REQUIRE(held.size() <= 3);
    }
    REQUIRE_FALSE(held.empty());
    served += held.size();
    held.clear();  // an end of file ends each of them once its client has seen it
    for (sys::unique_fd& one : all) {
      if (one && support::is_readable(one.get())) one.reset();
    }
    CHECK(support::wait_until([&] {
      for (sys::unique_fd& one : all) {
        if (one && support::is_readable(one.get())) one.reset();
      }
      return proxy.closed() >= served;
    }));
  }
  proxy.check_at_rest();
  CHECK(proxy.closed(close_reason::backend_fin) == clients);
  CHECK(proxy.stats().queued == clients - 3);
  CHECK(proxy.stats().waiting == 0);
}

TEST_CASE("proxy: who waits for a place gets it in the order of arrival", "[server][choice]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  running_proxy proxy(make_config(capped(port, backend.address, 1), 2));
  support::socket_pair inside = connect_through(port.address(), backend.fd.get());
  std::vector<sys::unique_fd> waiting;
  for (int i = 0; i < 5; ++i) {
    waiting.push_back(support::connect_to(port.address()));
    const char letter = static_cast<char>('a' + i);
    support::send_all(waiting.back().get(), std::string_view(&letter, 1));
    REQUIRE(wait_waiting(proxy, waiting.size()));
  }
  for (int i = 0; i < 5; ++i) {
    inside.second.reset();
    CHECK(wait_for_end(inside.first.get()) == 0);
    inside.first = std::move(waiting[static_cast<std::size_t>(i)]);
    inside.second = support::accept_from(backend.fd.get());
    CHECK(support::receive_text(inside.second.get(), 1) == std::string(1, static_cast<char>('a' + i)));
  }
  check_passes(inside);
  inside = {};
  proxy.check_at_rest();
}

TEST_CASE("proxy: a client that leaves the queue is noticed, one that has only said all stays", "[server][choice]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  running_proxy proxy(make_config(capped(port, backend.address, 1)));
  support::socket_pair inside = connect_through(port.address(), backend.fd.get());
  sys::unique_fd closes = support::connect_to(port.address());
  sys::unique_fd resets = support::connect_to(port.address());
  const sys::unique_fd asks = support::connect_to(port.address());
  support::send_all(asks.get(), "question");
  ::shutdown(asks.get(), SHUT_WR);
  REQUIRE(wait_waiting(proxy, 3));
  closes.reset();
  REQUIRE(wait_waiting(proxy, 2));
  support::reset(std::move(resets));
  REQUIRE(wait_waiting(proxy, 1));
  CHECK(support::wait_until([&] { return proxy.closed() == 2; }));
  CHECK(proxy.closed(close_reason::client_fin) == 1);
  CHECK(proxy.closed(close_reason::client_reset) == 1);
  inside = {};
  const sys::unique_fd asked = support::accept_from(backend.fd.get());
  CHECK(support::receive_text(asked.get(), 8) == "question");
  support::send_all(asked.get(), "answer");
  CHECK(support::receive_text(asks.get(), 6) == "answer");
}

TEST_CASE("proxy: a queue has an end", "[server][choice]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  service_config settings = capped(port, backend.address, 1);
  settings.queue_size = 1;
  running_proxy proxy(make_config(settings));
  const support::socket_pair inside = connect_through(port.address(), backend.fd.get());
  const sys::unique_fd waits = support::connect_to(port.address());
  REQUIRE(wait_waiting(proxy, 1));
  CHECK(knock(port.address()) == ECONNRESET);
  CHECK(support::wait_until([&] { return proxy.closed(close_reason::queue_full) == 1; }));
  CHECK(proxy.stats().waiting == 1);
  check_passes(inside);
}

TEST_CASE("proxy: waiting in the queue has an end", "[server][choice]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  service_config settings = capped(port, backend.address, 1);
  settings.timeouts.queue = 200ms;
  running_proxy proxy(make_config(settings));
  support::socket_pair inside = connect_through(port.address(), backend.fd.get());
  const auto begin = std::chrono::steady_clock::now();
  const sys::unique_fd waits = support::connect_to(port.address());
  CHECK(wait_for_end(waits.get()) == ECONNRESET);
  CHECK(std::chrono::steady_clock::now() - begin >= 200ms);
  CHECK(support::wait_until([&] { return proxy.closed(close_reason::queue_timeout) == 1; }));
  check_passes(inside);
  inside = {};
  proxy.check_at_rest();
  CHECK(proxy.stats().queue_wait_ns >= 200'000'000);
}

TEST_CASE("proxy: the end of a drain ends those who wait", "[server][choice]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  running_proxy proxy(make_config(capped(port, backend.address, 1)));
  const support::socket_pair inside = connect_through(port.address(), backend.fd.get());
  const sys::unique_fd waits = support::connect_to(port.address());
  REQUIRE(wait_waiting(proxy, 1));
  proxy.stop();
  proxy.stop();
  CHECK(wait_for_end(waits.get()) == ECONNRESET);
  CHECK(wait_for_end(inside.first.get()) == ECONNRESET);
  CHECK(proxy.result() == exit_code::cut);
  CHECK(proxy.closed(close_reason::drained) == 2);
}

TEST_CASE("proxy: a backup serves when the others refuse, and only then", "[server][choice]") {
  const support::fd_baseline baseline;
  const support::listening_socket closed = support::closed_port();
  const support::listening_socket backup = support::listen_tcp();
  held_ports ports(2);
  service_config settings =
      make_service(tcp_address(ports.first()),
                   {address_of(closed.address), address_of(backup.address), tcp_address(ports.first() + 1)});
  settings.backends[1].backup = true;
  running_proxy proxy(make_config(settings));
  for (int i = 0; i < 4; ++i) check_passes(connect_through(ports.address(), backup.fd.get()));
  const int primary = ports.listen(1);
  // Both primaries rest for now; the first session after a rest finds that one is back.
  CHECK(support::wait_until([&] {
    const sys::unique_fd client = support::connect_to(ports.address());
    support::wait_until([&] { return support::is_readable(primary) || support::is_readable(backup.fd.get()); });
    if (support::is_readable(primary)) return true;
    support::accept_from(backup.fd.get());
    return false;
  }));
  for (int i = 0; i < 10; ++i) {
    const sys::unique_fd client = support::connect_to(ports.address());
    support::accept_from(primary);
  }
  CHECK_FALSE(support::is_readable(backup.fd.get()));
}

TEST_CASE("proxy: a session is tried on so many backends", "[server][choice]") {
  const support::fd_baseline baseline;
  std::vector<support::listening_socket> closed;
  std::vector<address> targets;
  for (int i = 0; i < 4; ++i) {
    closed.push_back(support::closed_port());
    targets.push_back(address_of(closed.back().address));
  }
  const held_ports port;
  service_config settings = make_service(tcp_address(port.first()), targets);
  settings.retries.attempts = 3;
  running_proxy proxy(make_config(settings));
  CHECK(knock(port.address()) == ECONNRESET);
  proxy.check_at_rest();
  CHECK(proxy.stats().connect_failures == 3);
  CHECK(proxy.stats().retries == 2);
  CHECK(proxy.stats().retries_refused == 0);
}

TEST_CASE("proxy: after a round of failures comes a pause, and another round", "[server][choice]") {
  const support::fd_baseline baseline;
  const support::listening_socket closed = support::closed_port();
  held_ports ports(2);
  service_config settings =
      make_service(tcp_address(ports.first()), {address_of(closed.address), tcp_address(ports.first() + 1)});
  settings.retries.backoff = 20ms;
  settings.retries.attempts = 1'000;
  running_proxy proxy(make_config(settings));
  const sys::unique_fd client = support::connect_to(ports.address());
  REQUIRE(support::wait_until([&] { return proxy.stats().connect_failures >= 4; }));
  const sys::unique_fd backend = support::accept_from(ports.listen(1));
  support::send_all(client.get(), "x");
  CHECK(support::receive_text(backend.get(), 1) == "x");
}

TEST_CASE("proxy: an outage is not doubled: retries have a budget", "[server][choice]") {
  const support::fd_baseline baseline;
  const support::listening_socket closed = support::closed_port();
  const support::listening_socket gone = support::closed_port();
  const held_ports port;
  service_config settings =
      make_service(tcp_address(port.first()), {address_of(closed.address), address_of(gone.address)});
  settings.retries.budget = 0;
  running_proxy proxy(make_config(settings));
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 3'000; ++i) CHECK(knock(port.address()) == ECONNRESET);
  proxy.check_at_rest();
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  CHECK(proxy.stats().retries >= 1'000);
  CHECK(static_cast<double>(proxy.stats().retries) <= 1'000 + 100 * seconds + 1);
  CHECK(proxy.stats().retries + proxy.stats().retries_refused == 3'000);
  CHECK(proxy.stats().connect_failures == 3'000 + proxy.stats().retries);
}

TEST_CASE("proxy: clients wait for a backend that is down until it is back", "[server][choice]") {
  const support::fd_baseline baseline;
  held_ports ports(2);
  service_config settings = make_service(tcp_address(ports.first()), {tcp_address(ports.first() + 1)});
  settings.when_down = down_action::wait;
  settings.timeouts.queue = 60s;
  running_proxy proxy(make_config(settings, 2));
  std::vector<sys::unique_fd> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(support::connect_to(ports.address()));
    support::send_all(clients.back().get(), "x");
  }
  REQUIRE(wait_waiting(proxy, 20));
  // One of them looks, four times a second; not all.
  const auto all_wait = std::chrono::steady_clock::now();
  const std::uint64_t failures = proxy.stats().connect_failures;
  REQUIRE(support::wait_until([&] { return proxy.stats().connect_failures >= failures + 4; }));
  const std::uint64_t looks = proxy.stats().connect_failures - failures;
  const std::chrono::duration<double> looked_for = std::chrono::steady_clock::now() - all_wait;
  CHECK(static_cast<double>(looks) <= 2 + 4 * looked_for.count());
  const int backend = ports.listen(1);
  std::vector<sys::unique_fd> served;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    served.push_back(support::accept_from(backend));
    CHECK(support::receive_text(served.back().get(), 1) == "x");
  }
  CHECK(std::chrono::steady_clock::now() - begin < 2s);
  CHECK(wait_waiting(proxy, 0));
  served.clear();
  clients.clear();
  proxy.check_at_rest();
}

TEST_CASE("proxy: when nothing is up clients get the reply, whole, whatever they have sent", "[server][choice]") {
  const support::fd_baseline baseline;
  const support::temporary_directory files;
  std::string text;
  while (text.size() < 3'000'000) text += "sorry " + std::to_string(text.size()) + '\n';
  std::ofstream(files / "sorry") << text;
  const support::listening_socket closed = support::closed_port();
  const held_ports port;
  service_config settings = make_service(tcp_address(port.first()), {address_of(closed.address)});
  settings.reply_file = files / "sorry";
  running_proxy proxy(make_config(settings));
  const bool asks = GENERATE(true, false);
  const sys::unique_fd client = support::connect_to(port.address());
  if (asks) support::send_all(client.get(), std::string(100'000, 'q'));
  const std::vector<std::byte> got = support::receive_until_eof(client.get());
  REQUIRE(got.size() == text.size());
  CHECK(std::equal(got.begin(), got.end(), text.begin(), text.end(),
                   [](std::byte left, char right) { return left == static_cast<std::byte>(right); }));
  if (asks) support::send_all(client.get(), "and more");  // no reset for what nobody reads
  CHECK(wait_for_end(client.get()) == 0);
  ::shutdown(client.get(), SHUT_WR);
  proxy.check_at_rest();
  CHECK(proxy.closed(close_reason::replied) == 1);
  CHECK(proxy.stats().sent_to_clients == text.size());
}

TEST_CASE("proxy: a client that leaves during the reply costs nothing", "[server][choice]") {
  const support::fd_baseline baseline;
  const support::temporary_directory files;
  std::ofstream(files / "sorry").close();
  std::filesystem::resize_file(files / "sorry", 20'000'000);
  const support::listening_socket closed = support::closed_port();
  const held_ports port;
  service_config settings = make_service(tcp_address(port.first()), {address_of(closed.address)});
  settings.reply_file = files / "sorry";
  running_proxy proxy(make_config(settings));
  sys::unique_fd client = support::connect_to(port.address());
  support::send_all(client.get(), "x");
  support::receive_exactly(client.get(), 1'000);
  support::reset(std::move(client));
  proxy.check_at_rest();
  CHECK(proxy.closed(close_reason::client_reset) == 1);
}

TEST_CASE("proxy: a reply that cannot be opened is found at the start", "[server][choice]") {
  service_config settings = make_service(tcp_address(1), {tcp_address(9)});
  settings.reply_file = GENERATE("/nowhere/sorry.http", "/tmp");
  CHECK_THROWS_AS(proxy(make_config(settings)), startup_error);
}
