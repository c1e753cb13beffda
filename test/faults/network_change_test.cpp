#include <unistd.h>

#include <chrono>
#include <string>

#include "support/catch.hpp"
#include "support/crowd.hpp"
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
using std::chrono::milliseconds;
using clock_type = std::chrono::steady_clock;

namespace {

/// True if a client that tries for so short a time is served.
bool is_served(const std::string& front) {
  try {
    const sys::unique_fd client = connect_to(parse_address(front), io_mode::non_blocking, milliseconds(100));
    send_all(client.get(), "x", milliseconds(500));
    return receive_text(client.get(), 1, milliseconds(500)) == "x";
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

// FAULTS.md O3.
TEST_CASE("faults: where IPv6 is off it serves over IPv4, and IPv6 addresses are an error like another",
          "[faults][O3]") {
  if (!may_make_networks()) return;
  const fd_baseline descriptors;
  const own_network network;
  for (const char* which : {"all", "default", "lo"})
    set_sysctl(std::string("net/ipv6/conf/") + which + "/disable_ipv6", "1");
  const echo_server backend;
  const std::string port = std::to_string(free_ports(2));
  const std::string next = std::to_string(std::stoi(port) + 1);
  sluice_process sluice({.arguments = {port + '=' + backend.address(), "127.0.0.1:" + next + "=[2001:db8::1]:80"}});
  {
    crowd clients(parse_address("127.0.0.1:" + port), 10);
    clients.exchange(10'000);
  }
  const sys::unique_fd nowhere = connect_to(parse_address("127.0.0.1:" + next));
  CHECK(receive_stream(nowhere.get(), 1).end == stream_end::reset);
  std::size_t failed = 0;
  for (const session_record& record : sluice.wait_sessions(11)) {
    if (record.reason == "client_fin") continue;
    ++failed;
    // The kernel calls it an address that is not available, as it does where ports are used up.
    CHECK((record.reason == "connect_failed" || record.reason == "no_resources"));
    CHECK_FALSE(record.error.empty());
  }
  CHECK(failed == 1);
  sluice.check_clean_end();
  const run_result refused = run_sluice({.arguments = {"[::1]:" + next + '=' + backend.address()}});
  CHECK(refused.code == 1);
  CHECK(refused.output.find("[::1]:" + next) != std::string::npos);
  figure("O3", "10 of 10 served over IPv4, 0 crashes");
}

// FAULTS.md O4.
TEST_CASE("faults: a link that goes and an address that is taken away are made good within a second", "[faults][O4]") {
  if (!may_make_networks()) return;
  const fd_baseline descriptors;
  const own_network clients_network;
  const own_network here;
  run_ip("link add inner type veth peer name outer");
  run_ip("link set outer netns /proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(clients_network.fd()));
  run_ip("addr add 10.5.0.1/24 dev inner");
  run_ip("link set inner up");
  {
    const visit_network there(clients_network.fd());
    run_ip("addr add 10.5.0.2/24 dev outer");
    run_ip("link set outer up");
  }
  const echo_server backend;
  sluice_process sluice({.arguments = {"10.5.0.1:8080=" + backend.address()}});
  const std::string front = "10.5.0.1:8080";
  const auto served_from_outside = [&] {
    const visit_network there(clients_network.fd());
    return is_served(front);
  };
  REQUIRE(wait_until(served_from_outside));
  std::string took;
  const auto lose = [&](const std::string& what, const std::string& gone, const std::string& back) {
    run_ip(gone);
    CHECK_FALSE(served_from_outside());
    run_ip(back);
    // The kernel itself takes up to a second to tell of a link.
    REQUIRE(wait_until([&] {
      const visit_network there(clients_network.fd());
      return run_ip("link show outer").find("state UP") != std::string::npos;
    }));
    const auto begun = clock_type::now();
    CHECK(wait_until(served_from_outside, milliseconds(1'000 * slowness)));
    took += what + " " + std::to_string(std::chrono::duration_cast<milliseconds>(clock_type::now() - begun).count()) +
            " ms ";
  };
  const auto connect_outside = [&] {
    const visit_network there(clients_network.fd());
    return crowd(parse_address(front), 1);
  };
  crowd lasting = connect_outside();
  lasting.exchange(100);
  lose("link", "link set inner down", "link set inner up");
  lasting.exchange(100);  // what was only delayed goes on
  lose("address", "addr del 10.5.0.1/24 dev inner", "addr add 10.5.0.1/24 dev inner");
  lasting.exchange(100);
  CHECK(sluice.program().running());
  figure("O4", took + "until served again");
  lasting.leave(1);
  sluice.wait_at_rest(slowness * patience);
  sluice.check_clean_end();
}
