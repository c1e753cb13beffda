#include <string>
#include <system_error>
#include <vector>

#include "history/history.hpp"

#include "support/catch.hpp"
#include "support/echo_server.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/network.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"
#include "support/stream_peer.hpp"

using namespace sluice;
using namespace sluice::support;

namespace {

/// A client that does not use up the ports of 127.0.0.1.
sys::unique_fd client_of(const std::string& front, std::uint32_t n) {
  return connect_from(*sys::socket_address::from_literal(history::client_host(history::first_client + n), 0),
                      parse_address(front));
}

bool is_refused(const std::string& front, std::uint32_t n) {
  try {
    const sys::unique_fd client = client_of(front, n);
    send_all(client.get(), "x");
    return receive_stream(client.get(), 1, {.most = 1}).end == stream_end::reset;
  } catch (const std::system_error&) {  // the reset came before anything else
    return true;
  }
}

bool is_served(int fd) {
  send_all(fd, "x");
  char byte;
  return wait_readable(fd) && ::recv(fd, &byte, 1, MSG_DONTWAIT) == 1;
}

}  // namespace

// FAULTS.md R7.
TEST_CASE("faults: where the ports to one backend are used up, the other backends serve", "[faults][R7]") {
  if (!may_make_networks()) return;
  const fd_baseline descriptors;
  const own_network network;
  constexpr std::uint32_t ports = 100;
  // Outside of the range, of which a listener would take a port.
  const echo_server first(listen_at(parse_address(free_address()), 4'096));
  const echo_server second(listen_at(parse_address(free_address()), 4'096));
  set_sysctl("net/ipv4/ip_local_port_range", "40000 40099");
  const std::string one = free_address();
  const std::string both = free_address();
  sluice_process sluice({.toml = "[service.one]\nlisten = '" + one + "'\nbackends = '" + first.address() +
                                 "'\n[service.both]\nlisten = '" + both + "'\nbackends = ['" + first.address() +
                                 "', '" + second.address() + "']\n"});
  std::vector<sys::unique_fd> in;
  for (std::uint32_t i = 0; i < ports; ++i) {
    in.push_back(client_of(one, i));
    REQUIRE(is_served(in.back().get()));
  }
  // No port is left for this one, and it is told by a reset.
  CHECK(is_refused(one, ports));
  const session_record refused = sluice.wait_sessions(1).at(0);
  CHECK(refused.reason == "no_resources");
  CHECK(refused.error == "EADDRNOTAVAIL");
  for (std::uint32_t i = 0; i < ports; ++i) {
    in.push_back(client_of(both, 1'000 + i));
    CHECK(is_served(in.back().get()));
  }
  CHECK(second.open() == ports);
  for (std::uint32_t i = 0; i < ports; ++i) CHECK(is_served(in[i].get()));
  // One that leaves makes room again.
  in.front().reset();
  sluice.wait_sessions(2);
  CHECK(wait_until([&] { return !is_refused(one, 5'000); }));
  figure("R7", std::to_string(ports) + " of " + std::to_string(ports) + " clients served by the other backend");
  in.clear();
  sluice.wait_at_rest();
  sluice.check_clean_end();
}
