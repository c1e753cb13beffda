// Three nginx behind sluice, under load, that stop, die, freeze and come back (FAULTS.md B1, B3, B5, B6).
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "e2e/nginx_farm.hpp"

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"
#include "support/percentile.hpp"
#include "support/stream_peer.hpp"

using namespace sluice::support;
using sluice::sys::unique_fd;
using std::chrono::milliseconds;
using clock_type = http_load::clock;

namespace {

/// Checks that find out what they find out within `out_after`.
const std::string checks =
    "[service.web.health]\ncheck = 'http'\npath = '/up'\ninterval = '200ms'\n"
    "fast_interval = '100ms'\ntimeout = '" +
    std::to_string(500 * slowness) + "ms'\nfall = 2\nrise = 2\n";
constexpr milliseconds out_after(220 + 110 + 2 * 500 * slowness);
const std::string ejection = "passive = { connect_failures = 3, empty_sessions = 3, ejection = '300ms' }\n";

double ms_between(clock_type::time_point from, clock_type::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

std::string text_of(double ms) {
  const auto tenths = static_cast<long>(ms * 10 + 0.5);
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " ms";
}

/// What every load demands: each of its connections, and nothing else, was a session.
void check_end(sluice_process& sluice, http_load& load) {
  load.stop();
  sluice.check_clean_end();
  CHECK(sluice.final_count("sessions") == load.connections());
}

/// A backend's line in the log, such as "down" or "up".
bool wait_said(sluice_process& sluice, const nginx_server& of, const std::string& what) {
  return sluice.program().wait_output("backend " + of.address() + " of web is " + what);
}

}  // namespace

TEST_CASE("e2e: each of three nginx is stopped and started again, and clients notice nothing", "[e2e][nginx][B1]") {
  const fd_baseline descriptors;
  nginx_farm farm;
  const std::string front = free_address();
  sluice_process sluice({.toml = farm.service(front, ejection + checks)});
  http_load load(front);
  for (const nginx_server& one : farm) CHECK(load.wait_served(1, one.name()));
  std::size_t asked = 0;
  std::size_t under_way = 0;
  std::size_t failed_later = 0;
  double slowest = 0;
  for (nginx_server& one : farm) {
    const auto told = clock_type::now();
    one.stop_in_order();
    const auto gone = clock_type::now();
    CHECK(load.wait_served(100));
    const auto back = clock_type::now();
    one.start();
    CHECK(load.wait_served(20, one.name()));
    // What the kernel had accepted for it and it had not, is reset as it ends: no client that came later may fail.
    for (const http_exchange& met : load.exchanges()) {
      if (met.ended < told || met.served()) continue;
      INFO(met.problem);
      CHECK(met.begun <= gone);
      ++(met.begun <= gone ? under_way : failed_later);
    }
    const load_report with_one_closed(load, gone, back);
    asked += with_one_closed.asked;
    slowest = std::max(slowest, with_one_closed.slowest_ms);
    CHECK(load.count([&](const http_exchange& met) {
      return met.begun > gone && met.ended < back && met.body == one.name();
    }) == 0);
  }
  CAPTURE(under_way, slowest);
  CHECK(asked >= 300);
  check_end(sluice, load);
  CHECK(load.count([](const http_exchange& met) { return !met.served(); }) == under_way);
  const auto records = session_records(sluice.output());
  const auto retried =
      std::count_if(records.begin(), records.end(), [](const session_record& one) { return one.attempts > 1; });
  CHECK(retried >= 3);
  figure("B1", "three nginx stopped in turn: " + std::to_string(failed_later) + " of " + std::to_string(asked) +
                   " requests failed, " + std::to_string(retried) +
                   " sessions met a closed port, the slowest request took " + text_of(slowest) + "; " +
                   std::to_string(under_way) + " failed that were under way at a stop");
}

TEST_CASE("e2e: of an nginx that is killed only the answers under way are lost, visibly", "[e2e][nginx][B1]") {
  const fd_baseline descriptors;
  nginx_farm farm;
  constexpr std::size_t length = 300'000;
  for (nginx_server& one : farm) {
    one.root().write("long", std::string(length, 'x'));
    one.stop_in_order();
    one.limit_rate(length / 6);  // a sixth of it at once, another one each second
    one.start();
  }
  const std::string front = free_address();
  sluice_process sluice({.toml = farm.service(front, ejection + checks)});
  std::vector<unique_fd> downloads;
  for (std::size_t i = 0; i < 9; ++i) {
    downloads.push_back(connect_to(parse_address(front)));
    http_send(downloads.back().get(), "/long", false);
  }
  for (const unique_fd& one : downloads) wait_unread(one.get(), 1);
  http_load load(front);
  CHECK(load.wait_served(20, farm[0].name()));
  const auto told = clock_type::now();
  farm[0].kill();
  const auto gone = clock_type::now();
  std::size_t cut = 0;
  for (const unique_fd& one : downloads) {
    const http_answer answer = http_receive(one.get());
    if (answer.problem.empty())
      CHECK(answer.served_by != farm[0].name());
    else
      CHECK(answer.served_by == farm[0].name());
    CHECK((answer.body.size() == length) == answer.problem.empty());
    cut += answer.problem.empty() ? 0 : 1;
  }
  CHECK(cut >= 1);  // of a worker's clients every third is its
  CHECK(cut <= downloads.size() / 2);
  CHECK(load.wait_served(100));
  const load_report after(load, gone);
  const std::size_t failed_later =
      load.count([&](const http_exchange& met) { return met.begun > gone && !met.served(); });
  CHECK(failed_later == 0);
  const std::size_t failed = load.count([](const http_exchange& met) { return !met.served(); }) - failed_later;
  CHECK(failed <= load_report(load, told, gone).asked);
  CHECK(wait_said(sluice, farm[0], "down: 2 checks in a row failed (connecting: Connection refused)"));
  farm[0].start();
  CHECK(wait_said(sluice, farm[0], "up: 2 checks in a row were good"));
  CHECK(load.wait_served(1, farm[0].name()));
  figure("B1", "an nginx killed: " + std::to_string(cut) + " of 9 downloads cut, those it sent; " +
                   std::to_string(failed_later) + " of " + std::to_string(after.asked) + " requests after it failed, " +
                   std::to_string(failed) + " under way");
  load.stop();
  downloads.clear();
  sluice.check_clean_end();
  CHECK(sluice.final_count("sessions") == load.connections() + 9);
}

TEST_CASE("e2e: an nginx that freezes is out when its checks time out, and back when it goes on", "[e2e][nginx][B6]") {
  const fd_baseline descriptors;
  nginx_farm farm;
  const std::string front = free_address();
  sluice_process sluice({.toml = farm.service(front, "when_backend_down = 'reset'\n" + checks)});
  http_load load(front);
  CHECK(load.wait_served(20, farm[0].name()));
  const auto frozen = clock_type::now();
  farm[0].freeze();
  // It is sent clients until then: the kernel accepts for it, and nothing tells that nobody will answer them.
  CHECK(wait_said(sluice, farm[0], "down: 2 checks in a row failed (waiting for the answer: not done within "));
  const auto found = clock_type::now();
  CHECK(ms_between(frozen, found) <= out_after.count() + 100 * slowness);
  CHECK(load.wait_served(200));
  CHECK(load.count([&](const http_exchange& met) { return met.begun > found && !met.served(); }) == 0);
  const load_report stuck(load, frozen, found);
  for (const http_exchange& met : load.exchanges()) {
    if (met.served()) continue;
    CHECK(ms_between(found, met.ended) <= 500 * slowness);  // nobody waits for ever
  }
  farm[0].thaw();
  const auto thawed = clock_type::now();
  CHECK(wait_said(sluice, farm[0], "up: 2 checks in a row were good"));
  const auto up = clock_type::now();
  CHECK(load.wait_served(20, farm[0].name()));
  const std::size_t failed_later =
      load.count([&](const http_exchange& met) { return met.begun > found && !met.served(); });
  CHECK(failed_later == 0);
  figure("B6", "a frozen nginx out after " + text_of(ms_between(frozen, found)) + " of " +
                   std::to_string(out_after.count()) + ", back " + text_of(ms_between(thawed, up)) +
                   " after it went on; " + std::to_string(stuck.problems.size()) + " requests reset that it had, " +
                   std::to_string(failed_later) + " of the later ones");
  check_end(sluice, load);
}

TEST_CASE("e2e: an nginx that closes instead of answering is ejected after the set count", "[e2e][nginx][B3]") {
  const fd_baseline descriptors;
  nginx_farm farm;
  farm[0].stop_in_order();
  farm[0].answer(false);
  farm[0].start();
  const std::string front = free_address();
  const http_load_settings who{.closing_clients = 2, .keeping_clients = 0};
  sluice_process sluice({.toml = farm.service(front, "passive = { empty_sessions = 3, ejection = '1h' }\n")});
  http_load load(front, who);
  CHECK(wait_said(sluice, farm[0], "ejected for 3600 s: 3 sessions in a row ended without an answer"));
  const auto ejected = clock_type::now();
  CHECK(load.wait_served(100));
  CHECK(load.count([&](const http_exchange& met) { return met.begun > ejected && !met.served(); }) == 0);
  const std::size_t failed = load.count([](const http_exchange& met) { return !met.served(); });
  CHECK(failed >= 3);
  figure("B3", "an nginx that closes (return 444): ejected after " + std::to_string(failed) + " requests");
  check_end(sluice, load);
}

// FAULTS.md B5.
TEST_CASE("e2e: with all nginx stopped clients hear of it at once, and are served within a check of their return",
          "[e2e][nginx][B5]") {
  const fd_baseline descriptors;
  nginx_farm farm;
  const std::string front = free_address();
  constexpr milliseconds interval(500);
  sluice_process sluice({.toml = farm.service(front,
                                              "[service.web.health]\ncheck = 'http'\npath = '/up'\ninterval = '500ms'\n"
                                              "fast_interval = '100ms'\nrise = 1\nfall = 2\njitter = 0\n")});
  for (nginx_server& one : farm) one.stop_in_order();
  std::vector<double> answers;
  const auto ask = [&] {
    const auto begun = clock_type::now();
    try {
      const unique_fd client = connect_to(parse_address(front));
      answers.push_back(receive_stream(client.get(), 1).end == stream_end::reset ? ms_between(begun, clock_type::now())
                                                                                 : -1);
    } catch (const std::system_error& error) {
      answers.push_back(error.code() == std::errc::connection_reset ? ms_between(begun, clock_type::now()) : -1);
    }
  };
  for (int i = 0; i < 50; ++i) ask();  // who learn it by three connects that are refused
  for (const nginx_server& one : farm) CHECK(wait_said(sluice, one, "down: "));
  for (int i = 0; i < 50; ++i) ask();  // for whom nobody is up
  CHECK(percentile(answers, 0) >= 0);
  CHECK(percentile(answers, 0.9) <= 10);
  const http_load_settings who{.closing_clients = 2, .keeping_clients = 0};
  http_load load(front, who);
  farm[1].start();
  const auto returned = clock_type::now();
  CHECK(load.wait_served(1));
  double after = -1;
  for (const http_exchange& met : load.exchanges())
    if (met.served() && after < 0) after = ms_between(returned, met.ended);
  CHECK(after >= 0);
  CHECK(after <= interval.count() + 100 * slowness);
  CHECK(load.wait_served(50, farm[1].name()));
  figure("B5", "all nginx stopped: answered in " + text_of(median(answers)) + ", at most " +
                   text_of(percentile(answers, 1)) + "; served " + text_of(after) + " after one is back (interval " +
                   std::to_string(interval.count()) + ")");
  load.stop();
  sluice.check_clean_end();
}
