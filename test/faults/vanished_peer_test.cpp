#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/network.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"

using namespace sluice;
using namespace sluice::support;
using std::chrono::milliseconds;
using clock_type = std::chrono::steady_clock;

namespace {

/// What ends a session whose peer has vanished, and when.
struct limit {
  std::string name;
  std::string settings;  ///< keys of its service
  milliseconds after;
  std::string reason;      ///< of a vanished client; a backend's has its own name for it
  bool says_more = false;  ///< the end that is left sends after the other vanished
  bool full = false;       ///< ... and everything on the way was full before
};

std::vector<limit> limits() {
  return {
      // Probes begin after the idle time, one a second, and the fourth that stays unanswered is the last.
      {"keepalive",
       "client = { keepalive = '1s', keepalive_interval = '1s', user_timeout = '0s' }\n"
       "backend = { keepalive = '1s', keepalive_interval = '1s', user_timeout = '0s' }\n",
       milliseconds(5'000), "unreachable"},
      // ... or, as by default, the one that finds so much time gone.
      {"keepalive_user_timeout",
       "client = { keepalive = '1s', keepalive_interval = '1s', user_timeout = '6s' }\n"
       "backend = { keepalive = '1s', keepalive_interval = '1s', user_timeout = '6s' }\n",
       milliseconds(7'000), "unreachable"},
      // The kernel counts from its first retransmission, about half a second after what it waits for was sent.
      {"user_timeout", "client.user_timeout = '10s'\nbackend.user_timeout = '10s'\n", milliseconds(10'000),
       "unreachable", true},
      {"user_timeout_full", "client.user_timeout = '10s'\nbackend.user_timeout = '10s'\n", milliseconds(10'000),
       "unreachable", true, true},
      {"idle", "timeouts.idle = '3s'\nclient.keepalive = '0s'\nbackend.keepalive = '0s'\n", milliseconds(3'000),
       "idle_timeout"},
      {"idle_full", "timeouts.idle = '3s'\nclient.keepalive = '0s'\nbackend.keepalive = '0s'\n", milliseconds(3'000),
       "idle_timeout", true, true},
  };
}

/// A session whose client or backend will be gone.
struct doomed {
  limit of;
  bool client_vanishes = false;
  sys::unique_fd client;
  sys::unique_fd backend;
  int left() const { return client_vanishes ? backend.get() : client.get(); }
};

constexpr const char* vanishing_host = "127.66.0.1";

}  // namespace

// FAULTS.md L3.
TEST_CASE("faults: a peer that vanishes without a word is closed within its limit", "[faults][L3]") {
  if (!may_make_networks()) return;
  const fd_baseline descriptors;
  const own_network network;
  std::string toml;
  std::vector<doomed> sessions;
  std::vector<listening_socket> backends;
  std::vector<std::string> fronts;
  for (const limit& of : limits()) {
    for (const bool client_vanishes : {true, false}) {
      backends.push_back(
          listen_at(*sys::socket_address::from_literal(client_vanishes ? "127.0.0.1" : vanishing_host, 0)));
      fronts.push_back(free_address());
      toml += "[service." + of.name + (client_vanishes ? "_client" : "_backend") + "]\nlisten = '" + fronts.back() +
              "'\nbackends = '" + to_string(backends.back().address) + "'\n" + of.settings;
      sessions.push_back({of, client_vanishes, {}, {}});
    }
  }
  sluice_process sluice({.toml = toml});
  std::map<std::string, milliseconds> limit_of;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    doomed& one = sessions[i];
    one.client = connect_from(*sys::socket_address::from_literal(one.client_vanishes ? vanishing_host : "127.0.0.1", 0),
                              parse_address(fronts[i]));
    one.backend = accept_from(backends[i].fd.get());
    for (int n = 0; n < 3; ++n) {
      send_all(one.client.get(), "ask");
      CHECK(receive_text(one.backend.get(), 3) == "ask");
      send_all(one.backend.get(), "reply");
      CHECK(receive_text(one.client.get(), 5) == "reply");
    }
  }
  // Those of a backend's socket are set when the session is a second old.
  std::this_thread::sleep_for(milliseconds(1'100));
  for (const doomed& one : sessions) {
    if (!one.of.full) continue;
    while (wait_writable(one.left(), milliseconds(100))) send_until_full(one.left());
  }
  run_nft("add table inet gone");
  run_nft("add chain inet gone input { type filter hook input priority 0 ; }");
  run_nft(std::string("add rule inet gone input ip saddr ") + vanishing_host + " drop");
  run_nft(std::string("add rule inet gone input ip daddr ") + vanishing_host + " drop");
  const auto gone = clock_type::now();
  for (const doomed& one : sessions)
    if (one.of.says_more && !one.of.full) send_all(one.left(), "are you there?");

  std::map<std::string, milliseconds> ended;
  std::map<std::string, session_record> records;
  wait_until(
      [&] {
        for (const session_record& record : session_records(sluice.output())) {
          if (!records.emplace(record.service, record).second) continue;
          ended[record.service] = std::chrono::duration_cast<milliseconds>(clock_type::now() - gone);
        }
        return records.size() == sessions.size();
      },
      milliseconds(13'000));
  double worst = 0;
  for (const doomed& one : sessions) {
    const std::string service = one.of.name + (one.client_vanishes ? "_client" : "_backend");
    CAPTURE(service);
    REQUIRE(records.count(service) == 1);
    const std::string who = one.client_vanishes ? "client_" : "backend_";
    CHECK(records[service].reason == (one.of.reason == "unreachable" ? who + one.of.reason : one.of.reason));
    CHECK(ended[service] <= one.of.after + one.of.after / 10);
    worst = std::max(worst, static_cast<double>(ended[service].count()) / static_cast<double>(one.of.after.count()));
  }
  figure("L3", std::to_string(sessions.size()) + " sessions closed at " +
                   std::to_string(static_cast<int>(worst * 100)) + " % of their limit at the latest");
  sessions.clear();
  run_nft("delete table inet gone");
  sluice.wait_at_rest();
  sluice.check_clean_end();
}
