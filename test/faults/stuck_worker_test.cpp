#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "support/catch.hpp"
#include "support/crowd.hpp"
#include "support/echo_server.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"

using namespace sluice::support;
using std::chrono::milliseconds;
using clock_type = std::chrono::steady_clock;

namespace {

/// The threads, but for the first, that wait for readiness: the workers. The log's thread waits otherwise.
std::set<pid_t> workers_of(pid_t pid) {
  const std::set<long> waits{SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2};
  std::set<pid_t> result;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    long call = -1;
    std::ifstream(entry.path() / "syscall") >> call;
    const auto thread = static_cast<pid_t>(std::stol(entry.path().filename()));
    if (thread != pid && waits.contains(call)) result.insert(thread);
  }
  return result;
}

/// One thread of another process held still, as by an endless handler.
class held_thread {
 public:
  explicit held_thread(pid_t thread) : thread_(thread) {
    REQUIRE(::ptrace(PTRACE_SEIZE, thread_, nullptr, nullptr) == 0);
    REQUIRE(::ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr) == 0);
    REQUIRE(::waitpid(thread_, nullptr, __WALL) == thread_);
  }
  held_thread(const held_thread&) = delete;
  held_thread& operator=(const held_thread&) = delete;
  ~held_thread() { ::ptrace(PTRACE_DETACH, thread_, nullptr, nullptr); }

 private:
  pid_t thread_;
};

}  // namespace

// FAULTS.md R10. systemd's own part, killing and starting anew, is systemd's.
TEST_CASE("faults: a stuck worker is told of and starves the watchdog within two of its intervals", "[faults][R10]") {
  const fd_baseline descriptors;
  constexpr milliseconds interval{2'000};
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + backend.address(), "--workers", "2"}, .watchdog = interval});
  CHECK(sluice.wait_notification("WATCHDOG=1", interval));
  std::set<pid_t> workers;
  REQUIRE(wait_until([&] { return (workers = workers_of(sluice.pid())).size() == 2; }));
  {
    const held_thread held(*workers.begin());
    const auto begun = clock_type::now();
    CHECK(sluice.program().wait_output("has made no progress", 2 * interval));
    const auto told = std::chrono::duration_cast<milliseconds>(clock_type::now() - begun);
    while (sluice.wait_notification("WATCHDOG=1", milliseconds(0))) {
    }
    // From the moment it was seen to be stuck nothing feeds the watchdog, and the other worker serves.
    CHECK_FALSE(sluice.wait_notification("WATCHDOG=1", interval));
    crowd clients(parse_address(front), 20);
    clients.exchange(100);
    figure("R10", "told after " + std::to_string(told.count()) + " ms, with a watchdog of " +
                      std::to_string(interval.count()) + " ms; 20 of 20 clients served meanwhile");
  }
  CHECK(sluice.wait_notification("WATCHDOG=1", 2 * interval));
  CHECK(sluice.program().wait_output("goes on"));
  sluice.wait_at_rest(std::chrono::seconds(3));
  sluice.check_clean_end();
}
