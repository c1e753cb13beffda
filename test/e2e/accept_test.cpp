#include <algorithm>
#include <chrono>
#include <string>
#include <system_error>
#include <vector>

#include "support/catch.hpp"
#include "support/crowd.hpp"
#include "support/echo_server.hpp"
#include "support/fd_count.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"
#include "support/percentile.hpp"
#include "support/sluice_process.hpp"

using namespace sluice::support;
using sluice::sys::unique_fd;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr double idle_percent = 5.0;

std::size_t count_in(const std::string& text, const std::string& wanted) {
  std::size_t n = 0;
  for (std::size_t at = text.find(wanted); at != std::string::npos; at = text.find(wanted, at + 1)) ++n;
  return n;
}

std::string limited(const std::string& front, const echo_server& backend, const std::string& when_full) {
  return "[service.s]\nlisten = '" + front + "'\nbackends = '" + backend.address() +
         "'\nmax_connections = 3\nwhen_full = '" + when_full + "'\n";
}

/// A client that has been served, or the time is over.
bool served(int fd, milliseconds timeout) {
  send_all(fd, "x");
  return wait_readable(fd, timeout);
}

}  // namespace

// FAULTS.md R1: the limit is computed from the descriptors, so accept never meets EMFILE.
TEST_CASE("e2e: with 256 descriptors it serves what fits, rests while full and goes on when one leaves", "[e2e][R1]") {
  const fd_baseline descriptors;
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + backend.address()}, .descriptors = 256});
  constexpr std::size_t clients = 200;
  std::vector<unique_fd> waiting;
  const auto begun = steady_clock::now();
  for (std::size_t i = 0; i < clients; ++i) {
    waiting.push_back(connect_to(parse_address(front)));
    send_all(waiting.back().get(), "x");
  }
  const auto answered = [&] {
    return static_cast<std::size_t>(
        std::count_if(waiting.begin(), waiting.end(), [](const unique_fd& one) { return is_readable(one.get()); }));
  };
  // (256 - 128 - listeners - 2 workers - 2 pipes of 256/32) / 2
  CHECK(wait_until([&] { return answered() >= 50; }));
  CHECK(cpu_percent_during(sluice.pid(), milliseconds(1'000)) <= idle_percent);
  const std::size_t in = answered();
  CHECK(in < 64);
  CHECK(descriptors_of(sluice.pid()).sockets == sluice.descriptors_at_start().sockets + 2 * in);
  std::vector<steady_clock::duration> until_next;
  for (int i = 0; i < 5; ++i) {
    const auto leaver =
        std::find_if(waiting.begin(), waiting.end(), [](const unique_fd& one) { return is_readable(one.get()); });
    waiting.erase(leaver);
    const auto left = steady_clock::now();
    CHECK(wait_until([&] { return answered() == in; }));
    until_next.push_back(steady_clock::now() - left);
  }
  CHECK(median(until_next) <= milliseconds(200 * slowness));
  const double seconds = std::chrono::duration<double>(steady_clock::now() - begun).count();
  CHECK(static_cast<double>(count_in(sluice.output(), "not accepting")) <= seconds + 2);
  waiting.clear();
  CHECK(sluice.wait_at_rest(slowness * patience));  // those who waited are still taken in, and found gone
  sluice.check_clean_end();
  CHECK(count_in(sluice.output(), "accept:") == 0);
}

TEST_CASE("e2e: very many workers at a low descriptor limit leave each session its two descriptors", "[e2e][R1]") {
  const fd_baseline descriptors;
  constexpr std::size_t workers = 150;
  constexpr std::size_t most = 1'024;
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice(
      {.arguments = {front + '=' + backend.address(), "--workers", std::to_string(workers)}, .descriptors = most});
  std::vector<unique_fd> clients;
  for (int i = 0; i < 300; ++i) {
    clients.push_back(connect_to(parse_address(front)));
    send_all(clients.back().get(), "x");
  }
  const auto answered = [&] {
    return std::count_if(clients.begin(), clients.end(), [](const unique_fd& one) { return is_readable(one.get()); });
  };
  // Whoever fits has all it needs, and so has a pipe for each worker.
  REQUIRE(sluice.program().wait_output("room for "));
  const std::string said = sluice.output();
  const auto room = std::stoul(said.substr(said.find("room for ") + 9));
  const descriptor_count& idle = sluice.descriptors_at_start();
  CHECK(idle.sockets + idle.others + idle.pipe_ends + 2 * room + 2 * workers <= most);
  CHECK(sluice.program().wait_output("not accepting"));
  CHECK(sluice.program().wait_output("limits.max_connections, or what the descriptors allow"));
  CHECK(wait_until([&] { return answered() >= 60; }));
  CHECK(count_in(sluice.output(), "accept:") == 0);
  CHECK(count_in(sluice.output(), "EMFILE") == 0);
  clients.clear();
  CHECK(sluice.wait_at_rest(slowness * patience));
  sluice.check_clean_end();
  CHECK(count_in(sluice.output(), "no_resources") == 0);
}

TEST_CASE("e2e: a shortage that accept meets now and then delays clients a little and loses none", "[e2e][R1][R2]") {
  const fd_baseline descriptors;
  const std::string error = GENERATE("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM");
  CAPTURE(error);
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + backend.address(), "--workers", "1"},
                         .inject = {"accept4:error=" + error + ":when=2+3"}});
  const auto begun = steady_clock::now();
  int late = 0;
  for (int i = 0; i < 15; ++i) {
    const unique_fd client = connect_to(parse_address(front));
    const auto asked = steady_clock::now();
    REQUIRE(served(client.get(), patience));
    late += steady_clock::now() - asked > milliseconds(300 * slowness) ? 1 : 0;
  }
  CHECK(late <= 1);  // a rest takes 100 ms; whoever is scheduled later than that is not the program
  const double seconds = std::chrono::duration<double>(steady_clock::now() - begun).count();
  CHECK(static_cast<double>(count_in(sluice.output(), "not accepting")) <= seconds + 1);
  CHECK(sluice.program().wait_output("not accepting"));
  sluice.wait_sessions(15);
  sluice.check_clean_end();
}

TEST_CASE("e2e: a shortage that does not end is neither a spin nor a flood of log lines", "[e2e][R1][R2]") {
  const fd_baseline descriptors;
  const std::string error = GENERATE("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM");
  CAPTURE(error);
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice(
      {.arguments = {front + '=' + backend.address()}, .inject = {"accept4:error=" + error + ":when=1+"}});
  const unique_fd client = connect_to(parse_address(front));
  CHECK(cpu_percent_during(sluice.pid(), milliseconds(1'500)) <= idle_percent);
  const std::size_t lines = count_in(sluice.output(), "not accepting");
  CHECK(lines >= 1);
  CHECK(lines <= 3);
  sluice.check_clean_end();
}

TEST_CASE("e2e: a client that is gone before accept is no reason to rest", "[e2e][R2]") {
  const fd_baseline descriptors;
  const std::string error = GENERATE("ECONNABORTED", "EPROTO");
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + backend.address(), "--workers", "1"},
                         .inject = {"accept4:error=" + error + ":when=1+2"}});
  for (int i = 0; i < 20; ++i) {
    const unique_fd client = connect_to(parse_address(front));
    REQUIRE(served(client.get(), patience));
  }
  sluice.wait_sessions(20);
  CHECK(count_in(sluice.output(), "not accepting") == 0);
  sluice.check_clean_end();
}

// A sandbox that forbids accept4 answers EPERM each time and takes nobody out of the queue.
TEST_CASE("e2e: an accept that is forbidden for good does not hang a worker", "[e2e][R2]") {
  const fd_baseline descriptors;
  const std::string error = GENERATE("EPERM", "ECONNABORTED");
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice(
      {.arguments = {front + '=' + backend.address()}, .inject = {"accept4:error=" + error + ":when=1+"}});
  const unique_fd client = connect_to(parse_address(front));
  CHECK(cpu_percent_during(sluice.pid(), milliseconds(500)) <= idle_percent);
  CHECK(sluice.stop().value_or(-1) == 0);
}

TEST_CASE("e2e: over its max_connections a service lets clients wait", "[e2e]") {
  const fd_baseline descriptors;
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice({.toml = limited(front, backend, "wait")});
  crowd in(parse_address(front), 3);
  in.exchange(10);
  unique_fd fourth = connect_to(parse_address(front));
  CHECK_FALSE(served(fourth.get(), milliseconds(300)));
  CHECK(sluice.program().wait_output("max_connections of service s is reached"));
  CHECK(descriptors_of(sluice.pid()).sockets == sluice.descriptors_at_start().sockets + 6);
  in.leave(1);
  CHECK(wait_readable(fourth.get(), milliseconds(200 * slowness)));
  in.exchange(10);
  in.leave(2);
  fourth.reset();
  sluice.check_clean_end();
}

TEST_CASE("e2e: with when_full = reset clients over the limit are reset, and none below it", "[e2e]") {
  const fd_baseline descriptors;
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice({.toml = limited(front, backend, "reset")});
  for (int i = 0; i < 20; ++i) {
    crowd in(parse_address(front), 3);
    in.exchange(10);
    CHECK_THROWS_AS(crowd(parse_address(front), 1).exchange(10), std::system_error);
    in.exchange(10);
    in.leave(3);
    REQUIRE(sluice.wait_at_rest());
  }
  sluice.check_clean_end();
}
