// Backends that fail, seen from outside, with the figures of FAULTS.md.
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/network.hpp"
#include "support/peer_server.hpp"
#include "support/percentile.hpp"
#include "support/sluice_process.hpp"
#include "support/stream_peer.hpp"
#include "support/temporary_directory.hpp"

using namespace sluice::support;
using sluice::sys::unique_fd;
using std::chrono::milliseconds;
using clock_type = std::chrono::steady_clock;

namespace {

std::string service(const std::string& front, const std::string& backends, const std::string& more = {}) {
  return "[service.s]\nlisten = '" + front + "'\nbackends = [" + backends + "]\n" + more;
}

std::string quoted(const std::string& text) { return '\'' + text + '\''; }

double ms_since(clock_type::time_point begun) {
  return std::chrono::duration<double, std::milli>(clock_type::now() - begun).count();
}

/// How long a client waits for its echo, in milliseconds.
double echo_ms(const std::string& front) {
  const auto begun = clock_type::now();
  const unique_fd client = connect_to(parse_address(front));
  send_all(client.get(), "x");
  CHECK(receive_text(client.get(), 1) == "x");
  return ms_since(begun);
}

/// How long a client waits for its reset, in milliseconds; below 0 if it is not reset.
double reset_ms(const std::string& front) {
  const auto begun = clock_type::now();
  try {
    const unique_fd client = connect_to(parse_address(front));
    if (receive_stream(client.get(), 1).end != stream_end::reset) return -1;
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::connection_reset) return -1;
  }
  return ms_since(begun);
}

}  // namespace

// FAULTS.md B1.
TEST_CASE("e2e: a closed port of three adds at most two milliseconds", "[e2e][B1]") {
  const fd_baseline descriptors;
  const auto treat = [](unique_fd connection) { echo(connection.get()); };
  const peer_server one(treat);
  const peer_server two(treat);
  const listening_socket closed = closed_port();
  const std::string well = free_address();
  std::string toml = service(well, quoted(one.address()) + ',' + quoted(two.address()));
  // A port that was found closed is left alone for a while, so each service shows it to a client or two.
  std::vector<std::string> ill;
  for (int i = 0; i < 20; ++i) {
    ill.push_back(free_address());
    toml += "[service.ill-" + std::to_string(i) + "]\nlisten = '" + ill.back() + "'\nbackends = [" +
            quoted(one.address()) + ',' + quoted(to_string(closed.address)) + ',' + quoted(two.address()) + "]\n";
  }
  sluice_process sluice({.toml = toml});
  std::vector<double> usual;
  for (int i = 0; i < 300; ++i) {
    usual.push_back(echo_ms(well));
    echo_ms(ill[static_cast<std::size_t>(i) % ill.size()]);
  }
  // Those that met the closed port, by their records.
  std::vector<double> added;
  for (const auto& record : sluice.wait_sessions(600)) {
    CHECK(record.reason == "client_fin");
    if (record.attempts > 1) added.push_back(record.duration_s * 1'000);
  }
  REQUIRE(added.size() >= ill.size());
  const double cost = median(added) - median(usual);
  figure("B1", std::to_string(added.size()) + " of 300 clients met a closed port, 0 errors, " + std::to_string(cost) +
                   " ms more");
  CHECK(cost <= 2 * slowness);
  sluice.check_clean_end();
}

// FAULTS.md B2.
TEST_CASE("e2e: a backend behind a firewall that drops costs its timeout and 50 ms", "[e2e][B2]") {
  if (!may_make_networks()) return;
  const fd_baseline descriptors;
  const own_network network;
  const peer_server answering([](unique_fd connection) { echo(connection.get()); });
  run_nft("add table inet silent");
  run_nft("add chain inet silent output { type filter hook output priority 0 ; }");
  run_nft("add rule inet silent output ip daddr 127.66.0.1 drop");
  // A backend that timed out is left alone for a while, so each service shows it to one client.
  std::string toml = "[limits]\nworkers = 1\n";
  std::vector<std::string> fronts;
  for (int i = 0; i < 5; ++i) {
    fronts.push_back(free_address());
    toml += "[service.s" + std::to_string(i) + "]\nlisten = '" + fronts.back() + "'\nbackends = ['127.66.0.1:80'," +
            quoted(answering.address()) + "]\ntimeouts.connect = '300ms'\n";
  }
  sluice_process sluice({.toml = toml});
  std::vector<double> met;
  for (const std::string& front : fronts) met.push_back(std::max(echo_ms(front), echo_ms(front)));
  figure("B2", "served " + std::to_string(median(met) - 300) + " ms after the timeout");
  CHECK(*std::min_element(met.begin(), met.end()) >= 300);
  CHECK(median(met) <= 300 + 50 * slowness);
  for (const auto& record : sluice.wait_sessions(10)) CHECK(record.backend == answering.address());
  sluice.check_clean_end();
}

// FAULTS.md B5.
TEST_CASE("e2e: with every backend stopped clients hear of it at once, and are served when one is back", "[e2e][B5]") {
  const fd_baseline descriptors;
  const std::string back = free_address();
  const listening_socket closed = closed_port();
  const std::string front = free_address();
  sluice_process sluice({.toml = service(front, quoted(back) + ',' + quoted(to_string(closed.address)))});
  std::vector<double> answers;
  for (int i = 0; i < 50; ++i) answers.push_back(reset_ms(front));
  CHECK(*std::min_element(answers.begin(), answers.end()) >= 0);
  const double slowest = *std::max_element(answers.begin(), answers.end());
  CHECK(percentile(answers, 0.9) <= 10);
  {
    // Nobody waits for a rest to end: the first session after the return is served.
    const listening_socket returned = listen_at(parse_address(back));
    const unique_fd client = connect_to(parse_address(front));
    send_all(client.get(), "x");
    CHECK(receive_text(accept_from(returned.fd.get()).get(), 1) == "x");
  }
  figure("B5", "answered in " + std::to_string(median(answers)) + " ms, at most " + std::to_string(slowest));
  sluice.check_clean_end();
}

TEST_CASE("e2e: a client who waits for a backend to be back is served, and the record says how long", "[e2e][B5]") {
  const fd_baseline descriptors;
  const std::string back = free_address();
  const std::string front = free_address();
  sluice_process sluice({.toml = service(front, quoted(back), "when_down = 'wait'\ntimeouts.queue = '1m'\n")});
  unique_fd client = connect_to(parse_address(front));
  send_all(client.get(), "x");
  REQUIRE_FALSE(wait_readable(client.get(), milliseconds(300)));
  {
    const listening_socket returned = listen_at(parse_address(back));
    const auto begun = clock_type::now();
    const unique_fd behind = accept_from(returned.fd.get());
    CHECK(ms_since(begun) < 1'000 * slowness);  // the queue looks every 250 ms
    CHECK(receive_text(behind.get(), 1) == "x");
  }
  CHECK(receive_stream(client.get(), 1).end == stream_end::eof);
  client.reset();
  sluice.wait_sessions(1);
  const std::string name = "\"queue_s\":";
  const auto at = sluice.output().find(name);
  REQUIRE(at != std::string::npos);
  CHECK(std::stod(sluice.output().substr(at + name.size())) >= 0.3);
  sluice.check_clean_end();
}

TEST_CASE("e2e: curl is shown the page that stands for a service without backends", "[e2e][programs]") {
  const fd_baseline descriptors;
  const std::string curl = require_program("curl", "curl");
  const temporary_directory files;
  std::ofstream(files / "sorry")
      << "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsorry\n";
  const std::string front = free_address();
  const listening_socket closed = closed_port();
  sluice_process sluice(
      {.toml = service(front, quoted(to_string(closed.address)), "reply.file = " + quoted(files / "sorry") + '\n')});
  std::ofstream(files / "upload") << std::string(200'000, 'u');
  const run_result result =
      run({.argv = {curl, "-s", "-w", "%{http_code}", "-T", files / "upload", "http://" + front + "/"}});
  CHECK(result.output == "sorry\n503");
  const session_record record = sluice.wait_sessions(1).at(0);
  CHECK(record.reason == "replied");
  CHECK(record.error.empty());
  CHECK(record.sent == 80);
  sluice.check_clean_end();
}
