#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "balance/policy.hpp"
#include "server/endpoint.hpp"
#include "server/proxy_fixture.hpp"
#include "server/two_workers.hpp"
#include "support/catch.hpp"
#include "sys/clock.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

/// Backends that tell who came to them.
struct several_backends {
  explicit several_backends(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) sockets.push_back(support::listen_tcp());
  }
  std::vector<address> targets() const {
    std::vector<address> result;
    for (const auto& one : sockets) result.push_back(address_of(one.address));
    return result;
  }
  /// Which of them somebody is let into next.
  std::size_t take_one() {
    std::size_t which = sockets.size();
    REQUIRE(support::wait_until([&] {
      for (which = 0; which < sockets.size() && !support::is_readable(sockets[which].fd.get());) ++which;
      return which < sockets.size();
    }));
    kept.push_back(support::accept_from(sockets[which].fd.get()));
    return which;
  }

  std::vector<support::listening_socket> sockets;
  std::vector<sys::unique_fd> kept;
};

config balanced(const address& listen, const several_backends& backends, balance_policy kind) {
  service_config service = make_service(listen, backends.targets());
  service.balance = kind;
  return make_config(std::move(service), 2);
}

/// Where a client from 127.0.LAN.HOST goes.
std::size_t home_of(const held_ports& front, several_backends& backends, int lan, int host,
                    std::vector<sys::unique_fd>& clients) {
  const std::string from = "127.0." + std::to_string(lan) + '.' + std::to_string(host);
  clients.push_back(support::connect_from(*sys::socket_address::from_literal(from, 0), front.address()));
  return backends.take_one();
}

}  // namespace

TEST_CASE("proxy: policies that hash send a client's address to the same backend, by whichever worker",
          "[server][proxy]") {
  const support::fd_baseline baseline;
  const balance_policy kind = GENERATE(balance_policy::source_hash, balance_policy::maglev);
  const held_ports front;
  several_backends backends(3);
  running_proxy proxy(balanced(tcp_address(front.first()), backends, kind));
  std::vector<sys::unique_fd> clients;
  std::set<std::size_t> used;
  // The ports are part of maglev's table, and change: so many clients that some have each backend in any case.
  for (int host = 1; host <= 60; ++host) {
    const std::size_t home = home_of(front, backends, 0, host, clients);
    used.insert(home);
    for (int again = 0; again < 3 && host <= 20; ++again) CHECK(home_of(front, backends, 0, host, clients) == home);
  }
  CHECK(used.size() == 3);
  clients.clear();
  backends.kept.clear();
  proxy.check_at_rest();
}

TEST_CASE("proxy: clients that share a prefix share a backend", "[server][proxy]") {
  const held_ports front;
  several_backends backends(3);
  config settings = balanced(tcp_address(front.first()), backends, balance_policy::source_hash);
  settings.services[0].hash.ipv4_prefix = 24;
  running_proxy proxy(settings);
  std::vector<sys::unique_fd> clients;
  std::set<std::size_t> used;
  for (int lan = 0; lan < 10; ++lan) {
    const std::size_t home = home_of(front, backends, lan, 1, clients);
    used.insert(home);
    for (int host = 2; host <= 6; ++host) CHECK(home_of(front, backends, lan, host, clients) == home);
  }
  CHECK(used.size() > 1);
}

TEST_CASE("proxy: unix clients have no address and are spread by chance", "[server][proxy]") {
  const balance_policy kind = GENERATE(balance_policy::source_hash, balance_policy::maglev);
  const sys::socket_address front = support::listen_unix().address;  // free again
  several_backends backends(2);
  running_proxy proxy(balanced(address_of(front), backends, kind));
  std::vector<sys::unique_fd> clients;
  std::vector<int> counts(2);
  for (int i = 0; i < 40; ++i) {
    clients.push_back(support::connect_to(front));
    ++counts[backends.take_one()];
  }
  CHECK(counts[0] > 4);
  CHECK(counts[1] > 4);
}

TEST_CASE("proxy: each policy serves, and passes over a backend that refuses", "[server][proxy]") {
  const balance_policy kind = GENERATE(balance_policy::round_robin, balance_policy::least_connections,
                                       balance_policy::random, balance_policy::power_of_two, balance_policy::first,
                                       balance_policy::source_hash, balance_policy::maglev, balance_policy::ewma);
  const held_ports front;
  const support::listening_socket closed = support::closed_port();
  const support::listening_socket backend = support::listen_tcp();
  service_config service =
      make_service(tcp_address(front.first()), {address_of(closed.address), address_of(backend.address)});
  service.balance = kind;
  running_proxy proxy(make_config(std::move(service), 2));
  for (int i = 0; i < 10; ++i) check_passes(connect_through(front.address(), backend.fd.get()));
  proxy.check_at_rest();
  CHECK(proxy.closed() == 10);
}

TEST_CASE("session: connect time and round-trip time feed ewma, and nobody else", "[server][session]") {
  service_defaults settings;
  settings.balance = GENERATE(balance_policy::ewma, balance_policy::least_connections);
  settings.ewma.decay = 10ms;  // so that the connect time has faded when the round-trip time is asked for
  constexpr std::int64_t decay = 10'000'000;
  const support::fd_baseline baseline;
  two_workers here(true, settings);
  const loop::time_ns begin = sys::monotonic_ns();
  here.connect(4);
  REQUIRE(here.wait_for_load(4));
  const balance::latency_estimate& measured = here.routes->at(0).members[0].object->state.latency;
  const auto now = [&] { return measured.at(sys::monotonic_ns(), decay); };
  if (settings.balance != balance_policy::ewma) {
    here.clients.clear();
    for (int i = 0; i < 4; ++i) support::accept_from(here.backend.fd.get());  // and closed
    CHECK(here.wait_for_load(0));
    CHECK(now() == 0);
    return;
  }
  CHECK(support::wait_until([&] { return now() > 0; }));
  CHECK(support::wait_until([&] { return now() == 1; }));
  // One second after the connect; more than 1 us on any link. It fades soon, but not as it is seen from before.
  const auto sample = [&] { return measured.at(begin, decay); };
  const double connect_time = sample();
  CHECK(support::wait_until([&] { return sample() != connect_time && sample() > 1'000; }));
}

TEST_CASE("service: what workers share is made once a roster", "[server][service]") {
  service_config settings = make_service(tcp_address(1), {tcp_address(2), tcp_address(3)});
  settings.balance = balance_policy::maglev;
  const auto routes = make_routes(make_config(settings));
  service_view view = routes->at(0);
  // Two tables in memory would take 512 KiB: policies of one roster only point at theirs.
  const auto first = view.object->make_chooser(view, 0);
  const auto second = view.object->make_chooser(view, 1);
  struct everyone final : balance::facts {
    balance::standing of(std::size_t) const noexcept override { return {}; }
    std::uint32_t active(std::size_t) const noexcept override { return 0; }
    std::int64_t recovered_at(std::size_t) const noexcept override { return 0; }
    std::int64_t rests_until(std::size_t) const noexcept override { return 0; }
  } const all;
  const auto pick = [&](balance::chooser& of, std::uint64_t key) { return of.choose({1, 0, key}, all, 0).backend; };
  std::set<std::size_t> picked;
  for (std::uint64_t key = 0; key < 100; ++key) {
    picked.insert(pick(*first, key));
    CHECK(pick(*first, key) == pick(*second, key));
  }
  CHECK(picked == std::set<std::size_t>{0, 1});
  view.members[0].weight = 0;
  CHECK(pick(*view.object->make_chooser(view, 0), 1) == pick(*first, 1));  // the same roster
  ++view.roster;
  const auto anew = view.object->make_chooser(view, 0);
  for (std::uint64_t key = 0; key < 100; ++key) CHECK(pick(*anew, key) == 1);
}
