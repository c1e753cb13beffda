#include "server/watchdog.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <set>

#include <boost/asio/io_context.hpp>

#include "server/two_workers.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::server;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

/// Where the handler of SIGUSR1 waits: a thread that gets the signal is stuck until the other end is closed.
int gate = -1;

void wait_at_gate(int) {
  char byte;
  [[maybe_unused]] const ssize_t n = ::read(gate, &byte, 1);
}

/// Keeps one thread from going on.
class stuck_thread {
 public:
  explicit stuck_thread(pid_t which) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    reading_.reset(ends[0]);
    writing_.reset(ends[1]);
    gate = ends[0];
    struct sigaction wanted {};
    wanted.sa_handler = wait_at_gate;
    REQUIRE(::sigaction(SIGUSR1, &wanted, &before_) == 0);
    REQUIRE(::syscall(SYS_tgkill, ::getpid(), which, SIGUSR1) == 0);
  }
  stuck_thread(const stuck_thread&) = delete;
  stuck_thread& operator=(const stuck_thread&) = delete;
  /// Lets it go. The pipe's reading end lasts longer: the handler may be about to read.
  void free() { writing_.reset(); }
  ~stuck_thread() { ::sigaction(SIGUSR1, &before_, nullptr); }

 private:
  sys::unique_fd reading_;
  sys::unique_fd writing_;
  struct sigaction before_ {};
};

/// The control thread and its watchdog over two workers, the first of which alone has a listener.
struct watched_workers : two_workers {
  explicit watched_workers(bool one_owner) : two_workers(one_owner) { looking.start(); }
  ~watched_workers() {
    listening.doors.clear();
    for (const auto& one : shared.workers) one->stop_and_join();
  }

  template <typename Condition>
  bool run_until(Condition&& holds) {
    const auto limit = std::chrono::steady_clock::now() + support::patience;
    while (!holds() && std::chrono::steady_clock::now() < limit) {
      io.restart();
      io.run_for(10ms);
    }
    return holds();
  }

  boost::asio::io_context io{1};
  watchdog looking{io, shared.workers, listening, log};
};

}  // namespace

TEST_CASE("watchdog: another worker accepts for one that is stuck, until it goes on", "[server][watchdog]") {
  const support::fd_baseline baseline;
  const bool one_owner = GENERATE(true, false);
  watched_workers here(one_owner);
  here.connect(1);
  REQUIRE(here.wait_for_load(1));
  REQUIRE(support::wait_readable(here.backend.fd.get()));
  const std::uint32_t served = here.load(0);
  const std::size_t descriptors = support::fd_count();
  stuck_thread stuck(here.threads[0]);
  REQUIRE(here.run_until([&] { return here.shared.workers[0]->is_stuck(); }));
  const std::uint32_t served_by_other = here.load(1);
  here.connect(20);
  CHECK(support::wait_until([&] { return here.load(1) == served_by_other + 20; }));
  CHECK(here.load(0) == served);  // nobody is sent to who is stuck, either

  stuck.free();
  REQUIRE(here.run_until([&] { return !here.shared.workers[0]->is_stuck(); }));
  here.connect(40);
  CHECK(here.wait_for_load(61));
  CHECK(support::wait_until([&] { return here.load(0) > served; }));
  // All is as before but the sockets of the clients: here, in the sessions (two), and none at the silent backend.
  const std::size_t expected = descriptors + 1 /* the gate */ + 60 * 3;
  CHECK(support::wait_until([&] { return support::fd_count() == expected; }));

  here.listening.doors.clear();
  for (const auto& one : here.shared.workers) one->stop_listening();
  CHECK(support::wait_until(
      [&] { return !here.shared.workers[0]->listening() && !here.shared.workers[1]->listening(); }));
  CHECK_THROWS(support::connect_to(here.door.address));
}

TEST_CASE("watchdog: when accepting ends while a listener is lent, nothing keeps the address", "[server][watchdog]") {
  const support::fd_baseline baseline;
  watched_workers here(true);
  stuck_thread stuck(here.threads[0]);
  REQUIRE(here.run_until([&] { return here.shared.workers[0]->is_stuck(); }));
  here.connect(1);
  CHECK(support::wait_until([&] { return here.load(1) == 1; }));
  here.listening.doors.clear();
  for (const auto& one : here.shared.workers) one->stop_listening();
  CHECK(support::wait_until([&] { return !here.shared.workers[1]->listening(); }));
  stuck.free();
  CHECK(support::wait_until([&] { return !here.shared.workers[0]->listening(); }));
  CHECK_THROWS(support::connect_to(here.door.address));
  CHECK(here.run_until([&] { return !here.shared.workers[0]->is_stuck(); }));
}

TEST_CASE("watchdog: an idle worker is woken about once a second and never called stuck", "[server][watchdog]") {
  const support::fd_baseline baseline;
  watched_workers here(true);
  std::set<loop::time_ns> turns;
  const auto begun = std::chrono::steady_clock::now();
  here.run_until([&] {
    turns.insert(here.shared.workers[1]->last_turn());
    CHECK_FALSE(here.shared.workers[1]->is_stuck());
    return std::chrono::steady_clock::now() - begun > 4s;
  });
  CHECK(turns.size() >= 3);
  CHECK(turns.size() <= 7);  // those of its start, and four
}
