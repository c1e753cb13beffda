#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"
#include "support/process.hpp"
#include "support/sluice_process.hpp"

using namespace sluice::support;
using sluice::sys::unique_fd;
using std::chrono::milliseconds;

namespace {

std::string service(const std::string& front, const std::string& backends, const std::string& more) {
  return "[limits]\nworkers = 2\n[service.s]\nlisten = '" + front + "'\nbackends = [" + backends + "]\n" + more;
}

std::string quoted(const std::string& text) { return '\'' + text + '\''; }

std::size_t count_of(const std::string& text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

/// A backend whose checks, on a port of their own, come out as it is told, while its service goes on.
struct steered_backend {
  std::atomic<bool> well{true};
  peer_server sessions{answer_with("s"), 2};
  peer_server checks{[this](unique_fd fd) {
    if (well) send_all(fd.get(), "well");
  }};
};

}  // namespace

TEST_CASE("e2e: a backend that checks find down gets no clients until they find it up", "[e2e][health]") {
  const fd_baseline descriptors;
  steered_backend one;
  const peer_server other(answer_with("o"), 2);
  const std::string front = free_address();
  const std::string check_port = one.checks.address().substr(one.checks.address().rfind(':') + 1);
  sluice_process sluice({.toml = service(front, quoted(one.sessions.address()),
                                         "health = { check = 'send-expect', expect = 'well', port = " + check_port +
                                             ", interval = '50ms', fast_interval = '20ms', timeout = '5s' }\n"
                                             "[service.t]\nlisten = '" +
                                             free_address() + "'\nbackends = " + quoted(other.address()) + "\n")});
  CHECK(first_answer(front) == "s");
  CHECK(sluice.output().find("backend " + one.sessions.address()) == std::string::npos);
  one.well = false;
  REQUIRE(sluice.program().wait_output(
      "backend " + one.sessions.address() +
      R"( of s is down: 3 checks in a row failed (nothing and an end of file, not \"well\"))"));
  CHECK(first_answer(front).empty());  // all are down, and nobody asked for panic: reset
  one.well = true;
  REQUIRE(sluice.program().wait_output("backend " + one.sessions.address() +
                                       R"( of s is up: 2 checks in a row were good (\"well\"))"));
  CHECK(first_answer(front) == "s");
  CHECK(one.sessions.accepted() == 2);  // checks are no sessions
  CHECK(sluice.wait_sessions(3).size() == 3);
  sluice.check_clean_end();
  CHECK(sluice.final_count("sessions") == 3);
}

TEST_CASE("e2e: clients are accepted once each backend was checked", "[e2e][health]") {
  const fd_baseline descriptors;
  const peer_server wrong([](unique_fd fd) { send_all(fd.get(), "554 no\r\n"); }, 2);
  const peer_server right([](unique_fd fd) { send_all(fd.get(), "220 yes\r\n"); }, 2);
  const std::string front = free_address();
  sluice_process sluice({.toml = service(front, quoted(wrong.address()) + ',' + quoted(right.address()),
                                         "health = { check = 'smtp', interval = '1h', timeout = '5s' }\n")});
  REQUIRE(sluice.program().wait_output("ready:"));
  CHECK(sluice.output().find("backend " + wrong.address() + " of s is down") < sluice.output().find("ready:"));
  for (int i = 0; i < 6; ++i) CHECK(first_answer(front) == "2");
  sluice.wait_sessions(6);
  sluice.check_clean_end();
}

TEST_CASE("e2e: the check of redis knows the real one, asked for a password too", "[e2e][health]") {
  const fd_baseline descriptors;
  const std::string program = require_program("redis-server", "redis-server");
  const std::string port = std::to_string(free_ports());
  const bool wants_password = GENERATE(false, true);
  const temporary_directory files;
  launch how{{program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", files.path().string()}};
  if (wants_password) how.argv.insert(how.argv.end(), {"--requirepass", "secret"});
  const std::string front = free_address();
  sluice_process sluice({.toml = service(front, "'127.0.0.1:" + port + "'",
                                         "health = { check = 'redis', interval = '50ms', fast_interval = '20ms' }\n")});
  REQUIRE(sluice.program().wait_output("of s is down: a check failed (connecting: Connection refused)"));
  {
    process redis(how);
    REQUIRE(sluice.program().wait_output(wants_password ? R"(were good (\"-NOAUTH)" : R"(were good (\"+PONG)"));
  }
  REQUIRE(sluice.program().wait_output("checks in a row failed (connecting: Connection refused)"));
  sluice.check_clean_end();
}

// FAULTS.md B3.
TEST_CASE("e2e: a backend that accepts and closes is ejected after so many sessions, and tried again",
          "[e2e][passive][B3]") {
  const fd_baseline descriptors;
  std::atomic<bool> broken{true};
  const peer_server bad([&](unique_fd fd) {
    receive_text(fd.get(), 1);  // or the connect might see a reset, which is another sign
    if (!broken) send_all(fd.get(), "b");
  });
  const peer_server good(answer_with("g"), 2);
  const std::string front = free_address();
  sluice_process sluice({.toml = service(front, quoted(bad.address()) + ',' + quoted(good.address()),
                                         "passive = { empty_sessions = 3, ejection = '300ms' }\n")});
  int failed = 0;
  const auto clients_fail_until = [&](const std::string& text) {
    return wait_until([&] {
      if (sluice.output().find(text) != std::string::npos) return true;
      failed += first_answer(front).empty() ? 1 : 0;
      return false;
    });
  };
  REQUIRE(clients_fail_until("backend " + bad.address() +
                             " of s is ejected for 300 ms: 3 sessions in a row ended without an answer"));
  CHECK(failed >= 3);
  REQUIRE(clients_fail_until(" is ejected for 600 ms: a session ended without an answer"));
  CHECK(count_of(sluice.output(), " is back: its time is over") == 1);
  broken = false;
  REQUIRE(wait_until([&] { return count_of(sluice.output(), " is back: its time is over") == 2; }));
  REQUIRE(wait_until([&] { return first_answer(front) == "b"; }));
  REQUIRE(sluice.wait_at_rest());  // so that this answer has counted
  broken = true;                   // trusted again: one failure is none
  failed = 0;
  REQUIRE(wait_until([&] { return first_answer(front).empty(); }));
  CHECK(count_of(sluice.output(), " is ejected for ") == 2);
  broken = false;
  sluice.check_clean_end();
}

TEST_CASE("e2e: connects that fail eject a backend, but never more than max_ejected of them", "[e2e][passive]") {
  const fd_baseline descriptors;
  const listening_socket one = closed_port();
  const listening_socket two = closed_port();
  const peer_server good(answer_with("g"), 2);
  const std::string front = free_address();
  sluice_process sluice(
      {.toml = service(
           front, quoted(to_string(one.address)) + ',' + quoted(to_string(two.address)) + ',' + quoted(good.address()),
           "passive = { connect_failures = 2, ejection = '1h', max_ejected = 50, interval = '100ms' }\n")});
  REQUIRE(wait_until([&] {
    CHECK(first_answer(front) == "g");
    return sluice.output().find(" is ejected for 3600 s: 2 connects in a row failed") != std::string::npos;
  }));
  // The other one goes on failing, well beyond its two.
  const bool first_is_out = sluice.output().find("backend " + to_string(one.address)) != std::string::npos;
  CAPTURE(first_is_out);
  for (int i = 0; i < 200; ++i) CHECK(first_answer(front) == "g");
  CHECK(count_of(sluice.output(), " is ejected for ") == 1);
  sluice.check_clean_end();
}

// FAULTS.md B4: for a minute in CI, scaled, for as long as is asked for in ./dev soak.
TEST_CASE("e2e: a backend that flaps changes seldom and costs few clients", "[e2e][health][flapping][B4]") {
  const fd_baseline descriptors;
  const peer_server steady(answer_with("g"), 4);
  const listening_socket place = listen_tcp();  // keeps the port: what flaps is who listens
  const sluice::sys::socket_address address = place.address;
  const std::string front = free_address();
  std::atomic<bool> over{false};
  std::thread flapper;
  sluice_process sluice(
      {.toml = service(front, quoted(steady.address()) + ',' + quoted(to_string(address)),
                       "health = { check = 'tcp', interval = '200ms', fast_interval = '50ms', timeout = '200ms' }\n"
                       "passive = { connect_failures = 3, empty_sessions = 3, ejection = '500ms' }\n")});
  std::atomic<bool> serves{true};
  std::thread server([&] {
    // What it accepts while it is out, it closes: clients that met it see an end without a byte.
    while (!over) {
      if (!wait_readable(place.fd.get(), milliseconds(20))) continue;
      try {
        const unique_fd connection = accept_from(place.fd.get());
        if (!serves) continue;
        receive_text(connection.get(), 1);
        send_all(connection.get(), "f");
      } catch (const std::exception&) {  // a check leaves without a word
      }
    }
  });
  const auto lasts = milliseconds(scaled(60'000));
  flapper = std::thread([&] {
    std::uint32_t state = 12'345;
    while (!over) {
      state = state * 1'664'525 + 1'013'904'223;
      serves = !serves;
      const auto until = std::chrono::steady_clock::now() + milliseconds(100 + (state >> 16U) % 1'000);
      while (!over && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(milliseconds(5));
    }
  });
  std::size_t asked = 0;
  std::size_t failed = 0;
  const auto begun = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begun < lasts) {
    ++asked;
    failed += first_answer(front).empty() ? 1 : 0;
    std::this_thread::sleep_for(milliseconds(2));  // so that their ports suffice
  }
  const auto took = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begun);
  over = true;
  flapper.join();
  server.join();
  const std::size_t out = count_of(sluice.output(), " is ejected for ");
  const std::size_t downs = count_of(sluice.output(), " is down: ");
  CAPTURE(asked, failed, out, downs, took.count());
  figure("B4", std::to_string(failed) + " of " + std::to_string(asked) + " clients failed, ejected " +
                   std::to_string(out) + " times in " + std::to_string(took.count() / 1'000) + " s");
  CHECK(asked >= 100);
  CHECK(failed * 100 <= asked);
  CHECK(out >= 1);
  CHECK(out <= static_cast<std::size_t>(took.count()) / 500 + 1);
  sluice.stop();
}
