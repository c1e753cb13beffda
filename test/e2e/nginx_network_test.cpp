// Three nginx behind sluice, under load, when the network between fails (FAULTS.md B2).
#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "e2e/nginx_farm.hpp"

#include "support/catch.hpp"
#include "support/fault_relay.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/network.hpp"
#include "support/peer_server.hpp"
#include "support/percentile.hpp"

using namespace sluice::support;
using std::chrono::milliseconds;
using clock_type = http_load::clock;

namespace {

/// Joins this thread's network, as 10.6.0.1, with another one, which has the addresses from 10.6.0.2 on.
void join(const own_network& there, int addresses) {
  run_ip("link add inner type veth peer name outer");
  run_ip("link set outer netns /proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(there.fd()));
  run_ip("addr add 10.6.0.1/24 dev inner");
  run_ip("link set inner up");
  const visit_network visit(there.fd());
  for (int i = 2; i < 2 + addresses; ++i) run_ip("addr add 10.6.0." + std::to_string(i) + "/24 dev outer");
  run_ip("link set outer up");
}

}  // namespace

TEST_CASE("e2e: an nginx that a firewall cuts off costs its clients a timeout at most", "[e2e][nginx][B2]") {
  if (!may_make_networks()) return;
  const fd_baseline descriptors;
  const own_network theirs;
  const own_network here;
  join(theirs, 3);
  const auto farm = [&] {
    const visit_network visit(theirs.fd());
    return std::make_unique<nginx_farm>(std::array<std::string, 3>{"10.6.0.2:8000", "10.6.0.3:8000", "10.6.0.4:8000"});
  }();
  nginx_server& cut_off = (*farm)[0];
  const std::string front = free_address();
  constexpr milliseconds timeout(300);
  sluice_process sluice({.toml = farm->service(front,
                                               "timeouts.connect = '300ms'\n"
                                               "passive = { connect_failures = 3, ejection = '1s' }\n")});
  http_load load(front, {.closing_clients = 6, .keeping_clients = 0});
  CHECK(load.wait_served(20, cut_off.name()));
  const auto nft = [&](const std::string& words) {
    const visit_network visit(theirs.fd());
    run_nft(words);
  };
  nft("add table inet cut");
  nft("add chain inet cut input { type filter hook input priority 0 ; }");
  const auto cut = clock_type::now();
  nft("add rule inet cut input ip daddr 10.6.0.2 drop");
  // The third in a row, or one of several that failed at the same moment.
  CHECK(sluice.program().wait_output("backend " + cut_off.address() + " of web is ejected for 1 s: "));
  CHECK(load.wait_served(200));
  nft("delete table inet cut");
  CHECK(load.wait_served(20, cut_off.name()));
  load.stop();
  std::size_t asked = 0;
  std::size_t failed = 0;
  std::vector<double> met_it;
  for (const http_exchange& met : load.exchanges()) {
    INFO(met.problem);
    failed += met.served() ? 0 : 1;
    CHECK(met.served());  // also those whose answer was on its way when the wire was cut: they have it now
    if (met.begun < cut || met.body == cut_off.name()) continue;
    ++asked;
    if (met.ms() >= timeout.count()) met_it.push_back(met.ms() - static_cast<double>(timeout.count()));
  }
  REQUIRE(met_it.size() >= 3);
  CHECK(median(met_it) <= 50 * slowness);
  figure("B2", "an nginx cut off: " + std::to_string(failed) + " of " + std::to_string(asked) + " requests failed; " +
                   std::to_string(met_it.size()) + " that met it were served " + std::to_string(percentile(met_it, 1)) +
                   " ms after the timeout at most");
  sluice.check_clean_end();
  CHECK(sluice.final_count("sessions") == load.connections());
}

TEST_CASE("e2e: an nginx that is slow gets few clients, and all of them their answers", "[e2e][nginx][slow]") {
  const fd_baseline descriptors;
  nginx_farm farm;
  fault_relay_settings far;
  far.to_target.latency = far.to_client.latency = milliseconds(100);
  const fault_relay slow(parse_address(farm[0].address()), far);
  const std::string front = free_address();
  sluice_process sluice({.toml = "[service.web]\nlisten = '" + front +
                                 "'\nbalance = 'least-connections'\nbackends = ['" + slow.address() + "', '" +
                                 farm[1].address() + "', '" + farm[2].address() +
                                 "']\nhealth = { check = 'http', path = '/up', interval = '2s', timeout = '5s' }\n"});
  http_load load(front);
  CHECK(load.wait_served(500));
  CHECK(load.wait_served(2, farm[0].name()));
  load.stop();
  std::size_t by_it = 0;
  const std::vector<http_exchange> all = load.exchanges();
  for (const http_exchange& one : all) {
    CHECK(one.problem.empty());
    if (one.body != farm[0].name()) continue;
    ++by_it;
    CHECK(one.ms() >= 200);
  }
  CAPTURE(by_it, all.size());
  CHECK(by_it * 5 < all.size());
  sluice.check_clean_end();
  CHECK(sluice.final_count("sessions") == load.connections());
}
