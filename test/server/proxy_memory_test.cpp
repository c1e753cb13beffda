#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <future>
#include <memory>
#include <string>
#include <string_view>

#include "server/failing_frames.hpp"
#include "server/proxy_fixture.hpp"
#include "support/catch.hpp"
#include "support/figure.hpp"
#include "sys/unique_fd.hpp"

using namespace sluice;
using namespace sluice::test;

TEST_CASE("proxy: a client for whom there is no memory is refused, and nobody else notices", "[server][proxy]") {
  const support::fd_baseline baseline;
  // Setting a session up takes three frames: the story, the backend, the attempt.
  const int frame = GENERATE(1, 2, 3);
  CAPTURE(frame);
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  running_proxy proxy(make_config(tcp_address(port.first()), {address_of(backend.address)}));
  fail_frame(frame);
  CHECK(knock(port.address()) == ECONNRESET);
  CHECK(frames_to_fail() == 0);
  proxy.check_at_rest();
  CHECK(proxy.closed(close_reason::no_resources) == 1);
  check_passes(connect_through(port.address(), backend.fd.get()));
  proxy.check_at_rest();
  proxy.stop();
  CHECK(proxy.result() == exit_code::done);
}

namespace {

/// A session with everything in it. True if nothing went wrong.
bool visit(const sys::socket_address& front, int backend) {
  sys::socket_address peer;
  while (sys::accept(backend, peer)) {
  }  // what an earlier one has left
  try {
    support::socket_pair ends{support::connect_to(front), {}};
    // Whoever is refused is told so.
    if (!support::wait_until([&] { return support::is_readable(backend) || support::is_readable(ends.first.get()); }))
      return false;
    if (!support::is_readable(backend)) return false;
    ends.second = support::accept_from(backend);
    support::send_all(ends.first.get(), std::string(100'000, 'a'));
    support::receive_exactly(ends.second.get(), 100'000);
    support::send_all(ends.second.get(), "answer");
    support::receive_exactly(ends.first.get(), 6);
    ::shutdown(ends.first.get(), SHUT_WR);
    ::shutdown(ends.second.get(), SHUT_WR);
    return support::receive_until_eof(ends.first.get()).empty() &&
           support::receive_until_eof(ends.second.get()).empty();
  } catch (const std::exception&) {
    return false;
  }
}

/// True if every thread but this one sleeps. Allocates nothing that is counted.
bool others_sleep() {
  const std::unique_ptr<DIR, int (*)(DIR*)> tasks(::opendir("/proc/self/task"), ::closedir);
  if (!tasks) return false;
  while (const dirent* const task = ::readdir(tasks.get())) {
    if (task->d_name[0] == '.' || std::atoi(task->d_name) == ::gettid()) continue;
    const std::string path = std::string(task->d_name) + "/stat";  // short
    const sys::unique_fd file(::openat(::dirfd(tasks.get()), path.c_str(), O_RDONLY | O_CLOEXEC));
    char text[512];
    const ssize_t n = file ? ::read(file.get(), text, sizeof text) : 0;
    if (n <= 0) continue;  // it has ended
    const std::string_view fields(text, static_cast<std::size_t>(n));
    if (fields.substr(fields.rfind(')') + 2, 1) != "S") return false;
  }
  return true;
}

/// Waits until the proxy's threads have what they want for their start: each waits for something, and none was given
/// anything while that was looked at.
void wait_settled() {
  REQUIRE(support::wait_until([] {
    const std::size_t before = allocations();
    return others_sleep() && allocations() == before;
  }));
}

}  // namespace

// FAULTS.md R8. A proxy is fresh for each run: what it has been given once it does not ask for again.
TEST_CASE("proxy: whichever allocation of a session fails, that client alone is refused", "[server][proxy][R8]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const std::uint32_t workers = GENERATE(1U, 2U);
  int failed = 0;
  int noticed = 0;
  bool was_last = false;
  for (int nth = 1; !was_last; ++nth) {
    CAPTURE(nth, workers);
    const held_ports port;
    support::listening_socket name = support::listen_unix();
    name.fd.reset();
    service_config service = make_service(tcp_address(port.first()), {address_of(backend.address)});
    // Of this one worker has the listener and passes clients on.
    service.listeners.push_back(service.listeners[0]);
    service.listeners[1].listen = address_of(name.address);
    running_proxy proxy(make_config(service, workers));
    wait_settled();
    fail_allocation_elsewhere(nth);
    bool well = true;
    for (int i = 0; i < 2; ++i) {
      well = visit(port.address(), backend.fd.get()) && well;
      well = visit(name.address, backend.fd.get()) && well;
    }
    was_last = allocations_to_fail() > 0;
    fail_allocation_elsewhere(0);
    if (!was_last) ++failed;
    noticed += well ? 0 : 1;
    REQUIRE(support::wait_until([&] { return proxy.stats().active == 0; }));
    REQUIRE(visit(port.address(), backend.fd.get()));
    REQUIRE(visit(name.address, backend.fd.get()));
    REQUIRE(support::wait_until([&] { return proxy.stats().active == 0; }));
    CHECK(proxy.stats().relay.pipes_in_use == 0);
    CHECK(proxy.stats().relay.lost_edges == 0);
    proxy.stop();
    CHECK(proxy.result() == exit_code::done);
  }
  CHECK(failed > 5);
  support::figure("R8", std::to_string(failed) + " allocations failed one by one, " + std::to_string(noticed) +
                            " refused a client, 0 crashes");
}

namespace {

/// Makes a proxy in a child, where the nth allocation fails: in this process Asio would keep something of a service
/// that was half made. What became of it, by how the child ended.
enum class start { refused = 0, made = 1, nothing_failed = 2, crashed = 3 };

start start_in_child(const config& settings, int nth) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    fail_allocation_elsewhere(nth);
    const bool made = std::async(std::launch::async, [&] {
                        try {
                          const proxy one(settings);
                          return true;
                        } catch (const std::exception&) {
                          return false;
                        }
                      }).get();
    ::_exit(static_cast<int>(allocations_to_fail() > 0 ? start::nothing_failed : made ? start::made : start::refused));
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) <= 2 ? static_cast<start>(WEXITSTATUS(status)) : start::crashed;
}

}  // namespace

TEST_CASE("proxy: whichever allocation of the start fails, it does not start and says so", "[server][proxy][R8]") {
  const support::fd_baseline baseline;
  const held_ports port;
  const config settings = make_config(tcp_address(port.first()), {tcp_address(9)}, 2);
  int refused = 0;
  for (int nth = 1;; ++nth) {
    CAPTURE(nth);
    const start became = start_in_child(settings, nth);
    REQUIRE(became != start::crashed);
    refused += became == start::refused ? 1 : 0;
    if (became == start::nothing_failed) break;
  }
  CHECK(refused > 10);
}
