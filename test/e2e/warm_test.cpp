#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/delayed_link.hpp"
#include "support/echo_server.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/network.hpp"
#include "support/peer_server.hpp"
#include "support/percentile.hpp"
#include "support/sluice_process.hpp"

using namespace sluice;
using namespace sluice::support;
using std::chrono::milliseconds;
using clock_type = std::chrono::steady_clock;

namespace {

/// From connect() to the first byte of the answer.
double answered_ms(const std::string& front) {
  const auto begin = clock_type::now();
  const sys::unique_fd client = connect_to(parse_address(front));
  send_all(client.get(), "x");
  CHECK(receive_text(client.get(), 1) == "x");
  return std::chrono::duration<double, std::milli>(clock_type::now() - begin).count();
}

}  // namespace

TEST_CASE("e2e: over a link of 20 ms a warm spare saves the client a round trip", "[e2e][warm]") {
  if (!may_make_networks()) return;
  if (::access("/dev/net/tun", R_OK | W_OK) != 0) {
    WARN("not run: it needs /dev/net/tun");
    return;
  }
  constexpr double round_trip = 40;
  constexpr std::size_t clients = 15;
  const fd_baseline descriptors;
  const own_network network;
  const delayed_link link(milliseconds(20));
  const echo_server backend(listen_at(*sys::socket_address::from_literal(delayed_link::near_host(), 0)));
  const std::string far = delayed_link::far_host() + backend.address().substr(delayed_link::near_host().size());
  const std::string cold = free_address();
  const std::string warm = free_address();
  std::vector<double> cold_ms;
  std::vector<double> warm_ms;
  {
    sluice_process sluice({.arguments = {cold + '=' + far, "--workers", "1"}});
    for (std::size_t i = 0; i < clients; ++i) cold_ms.push_back(answered_ms(cold));
    REQUIRE(wait_until([&] { return backend.open() == 0; }));
    sluice.check_clean_end();
  }
  {
    sluice_process sluice({.toml = "[service.warm]\nlisten = '" + warm + "'\nbackends = '" + far +
                                   "'\nwarm = 2\n[limits]\nworkers = 1\n"});
    for (std::size_t i = 0; i < clients; ++i) {
      // What the backend has accepted was connected for sluice before: the last packet of a handshake is its own.
      REQUIRE(wait_until([&] { return backend.accepted() == clients + i + 2; }));
      warm_ms.push_back(answered_ms(warm));
    }
    for (const session_record& record : sluice.wait_sessions(clients)) CHECK(record.reason == "client_fin");
    CHECK(sluice.stop() == 0);
    CHECK(sluice.final_count("spares_used") == clients);
    CHECK(wait_until([&] { return backend.open() == 0; }));
  }
  figure("warm", "to the first answer over a link with 20 ms each way: " + std::to_string(median(cold_ms)) +
                     " ms without spares, " + std::to_string(median(warm_ms)) + " ms with");
  CHECK(median(cold_ms) >= 2 * round_trip);
  CHECK(median(warm_ms) >= round_trip);
  CHECK(median(cold_ms) - median(warm_ms) >= 0.8 * round_trip);
}

TEST_CASE("e2e: under load every client is served, with spares and when they run out, and nothing is left",
          "[e2e][warm]") {
  const fd_baseline descriptors;
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice({.toml = "[service.warm]\nlisten = '" + front + "'\nbackends = '" + backend.address() +
                                 "'\nwarm = 4\n[limits]\nworkers = 2\n"});
  constexpr std::size_t rounds = 20;
  constexpr std::size_t at_a_time = 50;
  for (std::size_t i = 0; i < rounds; ++i) {
    std::vector<sys::unique_fd> clients;
    for (std::size_t k = 0; k < at_a_time; ++k) clients.push_back(connect_to(parse_address(front)));
    for (const sys::unique_fd& one : clients) send_all(one.get(), "ask");
    for (const sys::unique_fd& one : clients) CHECK(receive_text(one.get(), 3) == "ask");
  }
  for (const session_record& record : sluice.wait_sessions(rounds * at_a_time)) CHECK(record.reason == "client_fin");
  CHECK(wait_until([&] { return backend.open() == 4; }));
  CHECK(sluice.stop() == 0);
  CHECK(sluice.final_count("lost_edges") == 0);
  CHECK(sluice.final_count("spares_used").value_or(0) > rounds);
  CHECK(wait_until([&] { return backend.open() == 0; }));
}

TEST_CASE("e2e: spares are among the descriptors that are counted at start", "[e2e][warm]") {
  const fd_baseline descriptors;
  const echo_server backend;
  const std::string front = free_address();
  const auto launched = [&](std::size_t warm) {
    return sluice_launch{.toml = "[service.warm]\nlisten = '" + front + "'\nbackends = '" + backend.address() +
                                 "'\nwarm = " + std::to_string(warm) + "\n[limits]\nworkers = 1\n",
                         .descriptors = 256};
  };
  const auto room = [&](std::size_t warm) {
    sluice_process sluice(launched(warm));
    const std::string before = "room for ";
    REQUIRE(wait_until([&] { return sluice.output().find(before) != std::string::npos; }));
    const std::string output = sluice.output();
    CHECK(wait_until([&] { return backend.open() == warm; }));
    CHECK(sluice.stop() == 0);
    return std::stoul(output.substr(output.find(before) + before.size()));
  };
  CHECK(room(0) == room(40) + 20);
  const run_result refused = run_sluice(launched(129));
  CHECK(refused.code == 1);
  CHECK(refused.output.find("warm asks for 129 spare connections, but 256 descriptors") != std::string::npos);
}
