#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/crowd.hpp"
#include "support/echo_server.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/full_backlog.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"
#include "support/temporary_directory.hpp"

using namespace sluice::support;
using std::chrono::milliseconds;

namespace {

std::string faketime_library() {
  for (const auto& folder : std::filesystem::directory_iterator("/usr/lib")) {
    const auto found = folder.path() / "faketime" / "libfaketimeMT.so.1";
    std::error_code absent;
    if (std::filesystem::exists(found, absent)) return found.string();
  }
  throw std::runtime_error("this test needs libfaketime: install the package faketime");
}

/// The hour and date of each record, as written.
std::set<std::string> hours_in(const std::string& output) {
  std::set<std::string> result;
  for (std::size_t at = output.find("\"time\":\""); at != std::string::npos; at = output.find("\"time\":\"", at + 1))
    result.insert(output.substr(at + 8, 13));
  return result;
}

/// The time that a program sees which libfaketime was put into: its clocks stand ahead by what was set last.
class fake_clock {
 public:
  fake_clock() { set("+0"); }

  void set(const std::string& by) const {
    files_.write("next", by + "\n");
    std::filesystem::rename(files_ / "next", files_ / "clock");  // never half written
  }

  std::vector<std::string> environment(std::vector<std::string> more) const {
    const char* asan = std::getenv("ASAN_OPTIONS");
    more.insert(more.end(), {"LD_PRELOAD=" + faketime_library(), "FAKETIME_NO_CACHE=1",
                             "FAKETIME_TIMESTAMP_FILE=" + files_ / "clock",
                             "ASAN_OPTIONS=" + std::string(asan ? asan : "") + ":verify_asan_link_order=0"});
    return more;
  }

 private:
  temporary_directory files_;
};

}  // namespace

// FAULTS.md O1.
TEST_CASE("faults: a wall clock that jumps by hours moves the log's stamps and no deadline", "[faults][O1]") {
  const fd_baseline descriptors;
  const fake_clock clock;
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice(
      {.toml = "[service.s]\nlisten = '" + front + "'\nbackends = '" + backend.address() + "'\ntimeouts.idle = '2s'\n",
       .environment = clock.environment({"DONT_FAKE_MONOTONIC=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"})});
  constexpr std::size_t n = 50;
  double earliest = 1e9;
  double latest = 0;
  std::chrono::duration<double> beginning{0};  // a session's duration begins before its silence does
  for (const std::string jump : {"+5h", "-9h"}) {
    const auto begun = std::chrono::steady_clock::now();
    crowd clients(parse_address(front), n);
    clients.exchange(10);
    beginning = std::max<std::chrono::duration<double>>(beginning, std::chrono::steady_clock::now() - begun);
    std::this_thread::sleep_for(milliseconds(700));
    clock.set(jump);
    std::this_thread::sleep_for(milliseconds(300));
    crowd(parse_address(front), 1).exchange(10);  // its record has the new time
    for (std::size_t i = 0; i < n; ++i) CHECK(wait_readable(clients.fd(i)));
  }
  const auto records = sluice.wait_sessions(2 * n + 2);
  for (const session_record& record : records) {
    if (record.reason == "client_fin") continue;
    CHECK(record.reason == "idle_timeout");
    earliest = std::min(earliest, record.duration_s);
    latest = std::max(latest, record.duration_s);
  }
  CHECK(earliest >= 2.0);
  CHECK(latest <= 2.2 + 0.2 * (slowness - 1) + beginning.count());
  CHECK(hours_in(sluice.output()).size() >= 3);  // else the clock has not jumped, and this shows nothing
  figure("O1", "timeouts of 2 s fired after " + std::to_string(earliest) + " to " + std::to_string(latest) + " s");
  sluice.wait_at_rest();
  sluice.check_clean_end();
}

// FAULTS.md O2: what a suspended machine looks like where its monotonic clock goes on meanwhile.
TEST_CASE("faults: a monotonic clock that jumps ahead makes due what is due, once", "[faults][O2]") {
  const fd_baseline descriptors;
  const fake_clock clock;
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice(
      {.toml = "[service.s]\nlisten = '" + front + "'\nbackends = '" + backend.address() + "'\ntimeouts.idle = '2h'\n",
       .environment = clock.environment({})});
  constexpr std::size_t n = 50;
  crowd before(parse_address(front), n);
  before.exchange(100);
  clock.set("+3h");
  // A sleeping kernel knows nothing of it: whoever comes next wakes the worker.
  crowd after(parse_address(front), n);
  after.exchange(100);
  for (std::size_t i = 0; i < n; ++i) CHECK(wait_readable(before.fd(i)));
  const auto records = sluice.wait_sessions(n);
  CHECK(cpu_percent_during(sluice.pid(), milliseconds(500)) <= 5.0 * slowness);
  after.exchange(100);
  CHECK(session_records(sluice.output()).size() == n);
  for (const session_record& record : records) CHECK(record.reason == "idle_timeout");
  after.leave(n);
  sluice.wait_at_rest();
  sluice.check_clean_end();
}

// FAULTS.md O2. SLUICE_STOP_SECONDS=30 for a long one.
TEST_CASE("faults: stopped and continued, what was due is done once and nothing else happens", "[faults][O2]") {
  const fd_baseline descriptors;
  const char* given = std::getenv("SLUICE_STOP_SECONDS");
  const std::chrono::seconds stop(given != nullptr ? std::atoi(given) : 3);
  const echo_server first;
  const echo_server second;
  const full_backlog unreachable;
  const std::string due = free_address();
  const std::string patient = free_address();
  const std::string lost = free_address();
  sluice_process sluice(
      {.toml = "[limits]\nworkers = 2\n[defaults]\ntimeouts = { connect = '1s', connect_total = '1s' "
               "}\n[service.due]\nlisten = '" +
               due + "'\nbackends = '" + first.address() + "'\ntimeouts.idle = '2s'\n[service.patient]\nlisten = '" +
               patient + "'\nbackends = ['" + first.address() + "', '" + second.address() +
               "']\n[service.lost]\nlisten = '" + lost + "'\nbackends = '" + unreachable.address() + "'\n"});
  constexpr std::size_t n = 50;
  crowd lasting(parse_address(patient), n);
  lasting.exchange(100);
  crowd ending(parse_address(due), n);
  ending.exchange(100);
  const crowd seeking(parse_address(lost), 5);
  REQUIRE(wait_until(
      [&] { return descriptors_of(sluice.pid()).sockets == sluice.descriptors_at_start().sockets + 4 * n + 10; }));
  sluice.signal(SIGSTOP);
  std::this_thread::sleep_for(stop);
  sluice.signal(SIGCONT);
  const auto records = sluice.wait_sessions(n + 5);
  CHECK(cpu_percent_during(sluice.pid(), milliseconds(500)) <= 5.0 * slowness);
  CHECK(session_records(sluice.output()).size() == n + 5);
  for (const session_record& record : records)
    CHECK(record.reason == (record.service == "due" ? "idle_timeout" : "connect_timeout"));
  lasting.exchange(100);
  // Nobody was taken for dead: both backends get their share of whoever comes next, at the first attempt.
  {
    crowd later(parse_address(patient), 20);
    later.exchange(10);
    later.leave(20);
  }
  std::size_t at_second = 0;
  for (const session_record& record : sluice.wait_sessions(n + 25)) {
    if (record.service != "patient") continue;
    CHECK(record.attempts == 1);
    at_second += record.backend == second.address() ? 1 : 0;
  }
  CHECK(at_second == 10);
  figure("O2", "stopped for " + std::to_string(stop.count()) + " s: " + std::to_string(n + 5) +
                   " timers due, each fired once; 0 backends ejected");
  lasting.leave(n);
  sluice.wait_at_rest();
  sluice.check_clean_end();
}
