#include "connect/connector.hpp"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"
#include "sys/clock.hpp"

using namespace sluice;
using namespace sluice::connect;
namespace support = sluice::support;

namespace {

constexpr loop::time_ns millisecond = 1'000'000;
constexpr loop::edge_token token{3, 5, loop::side::backend};

/// As much of a worker as one attempt needs.
class one_attempt {
 public:
  one_attempt() = default;
  ~one_attempt() { wait_.cancel(); }

  void start(const sys::socket_address& to, std::chrono::milliseconds patience = std::chrono::seconds(10)) {
    attempt wanted;
    wanted.address = to;
    start(wanted, patience);
  }
  void start(attempt wanted, std::chrono::milliseconds patience = std::chrono::seconds(10)) {
    now_ = sys::monotonic_ns();
    started_ = now_;
    wanted.deadline = now_ + patience.count() * millisecond;
    run(wanted);
  }
  /// Waits once and lets the attempt go on.
  void turn() {
    const auto edges = edges_.wait(now_, wheel_.next_wake());
    now_ = sys::monotonic_ns();
    for (const epoll_event& event : edges) {
      CHECK(event.data.u64 == token.pack());
      wait_.resume({loop::wake::edge, event.events});
    }
    wheel_.advance(now_, [this](loop::deadline&) {
      ++deadlines_;
      wait_.resume({loop::wake::deadline, 0});
    });
  }
  connected& result() {
    while (!result_) turn();
    return *result_;
  }
  void give_up() { wait_.cancel(); }

  bool has_ended() const { return result_.has_value(); }
  int deadlines() const { return deadlines_; }
  loop::time_ns took() const { return now_ - started_; }
  loop::edge_set& edges() { return edges_; }

 private:
  loop::detached run(attempt wanted) { result_ = co_await connect::connect({wait_, edges_, token, now_}, wanted); }

  loop::deadline_wheel wheel_{sys::monotonic_ns()};
  loop::deadline entry_;
  loop::wait_point wait_{wheel_, entry_};
  loop::edge_set edges_;
  loop::time_ns now_ = 0;
  loop::time_ns started_ = 0;
  int deadlines_ = 0;
  std::optional<connected> result_;
};

/// A TCP listener whose accept queue is full: the kernel drops every further SYN.
struct full_listener {
  full_listener() : clients_(1) {
    clients_[0] = support::connect_to(listener.address);
    REQUIRE(support::wait_readable(listener.fd.get()));
  }
  support::listening_socket listener = support::listen_tcp(AF_INET, 0);

 private:
  std::vector<sys::unique_fd> clients_;
};

}  // namespace

TEST_CASE("connect: reaches a TCP backend, and the socket is in the edge set", "[connect][connector]") {
  const support::fd_baseline baseline;
  const int family = GENERATE(AF_INET, AF_INET6);
  const support::listening_socket backend = support::listen_tcp(family);
  one_attempt here;
  here.start(backend.address);
  connected& result = here.result();
  REQUIRE(result.error == 0);
  CHECK(sys::peer_address(result.fd.get()) == backend.address);
  CHECK((result.edges & EPOLLOUT) != 0);
  CHECK((result.edges & (EPOLLERR | EPOLLHUP)) == 0);

  const sys::unique_fd accepted = support::accept_from(backend.fd.get());
  support::send_all(accepted.get(), "hello");
  const auto edges = here.edges().wait(0, loop::never);
  REQUIRE(edges.size() == 1);
  CHECK(edges[0].data.u64 == token.pack());
  CHECK((edges[0].events & EPOLLIN) != 0);
  CHECK(support::receive_text(result.fd.get(), 5) == "hello");
}

TEST_CASE("connect: an acknowledgement that is held comes with the first bytes, or when asked for",
          "[connect][connector]") {
  const support::fd_baseline baseline;
  const bool with_bytes = GENERATE(true, false);
  bool was_held = false;
  // The kernel sends it by itself after 200 ms, which a test that is put aside in the wrong moment would meet.
  for (int tries = 0; tries < 5 && !was_held; ++tries) {
    const support::listening_socket backend = support::listen_tcp(AF_INET);
    one_attempt here;
    attempt wanted;
    wanted.address = backend.address;
    wanted.holds_ack = true;
    here.start(wanted);
    connected& result = here.result();
    REQUIRE(result.error == 0);
    was_held = !support::is_readable(backend.fd.get());
    if (with_bytes) {
      support::send_all(result.fd.get(), "first");
    } else {
      sys::acknowledge_now(result.fd.get());
    }
    CHECK(support::wait_readable(backend.fd.get(), std::chrono::milliseconds(100)));  // not by the kernel's 200
  }
  CHECK(was_held);
}

TEST_CASE("connect: reaches a unix backend at once", "[connect][connector]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_unix();
  one_attempt here;
  here.start(backend.address);
  REQUIRE(here.has_ended());
  REQUIRE(here.result().error == 0);
  CHECK(here.result().edges == 0);
  const auto edges = here.edges().wait(0, loop::never);  // what is there already is still to be told
  REQUIRE(edges.size() == 1);
  CHECK((edges[0].events & EPOLLOUT) != 0);
}

TEST_CASE("connect: a closed port is ECONNREFUSED, and its socket is gone", "[connect][connector]") {
  const support::fd_baseline baseline;
  const support::listening_socket nobody = support::closed_port();
  one_attempt here;
  here.start(nobody.address);
  CHECK(here.result().error == ECONNREFUSED);
  CHECK_FALSE(here.result().fd);
  CHECK(here.edges().wait(0, 0).empty());
}

TEST_CASE("connect: a unix path or name that nobody listens on fails at once", "[connect][connector]") {
  const support::fd_baseline baseline;
  one_attempt here;
  here.start(*sys::socket_address::from_unix_path("/nowhere/at/all.sock"));
  REQUIRE(here.has_ended());
  CHECK(here.result().error == ENOENT);
  one_attempt there;
  there.start(*sys::socket_address::from_unix_abstract("sluice-test-nobody-has-this-name"));
  REQUIRE(there.has_ended());
  CHECK(there.result().error == ECONNREFUSED);
}

TEST_CASE("connect: a backend that does not answer is ETIMEDOUT at the deadline, not before", "[connect][connector]") {
  const support::fd_baseline baseline;
  const full_listener silent;
  one_attempt here;
  here.start(silent.listener.address, std::chrono::milliseconds(80));
  CHECK(here.result().error == ETIMEDOUT);
  CHECK_FALSE(here.result().fd);
  CHECK(here.took() >= 80 * millisecond);
  CHECK(here.deadlines() == 1);
}

TEST_CASE("connect: told to give up, it ends at once and closes its socket", "[connect][connector]") {
  const support::fd_baseline baseline;
  SECTION("while a TCP backend does not answer") {
    const full_listener silent;
    one_attempt here;
    here.start(silent.listener.address);
    REQUIRE_FALSE(here.has_ended());
    here.give_up();
    REQUIRE(here.has_ended());
    CHECK(here.result().error == ECANCELED);
  }
  SECTION("while a unix backlog is full") {
    const support::listening_socket backend = support::listen_unix(0);
    const sys::unique_fd fills_it = support::connect_to(backend.address);
    one_attempt here;
    here.start(backend.address);
    REQUIRE_FALSE(here.has_ended());
    here.give_up();
    REQUIRE(here.has_ended());
    CHECK(here.result().error == ECANCELED);
  }
  SECTION("before it began") {
    const full_listener silent;
    one_attempt here;
    here.give_up();
    here.start(silent.listener.address);
    REQUIRE(here.has_ended());
    CHECK(here.result().error == ECANCELED);
  }
}

TEST_CASE("connect: a full unix backlog is tried again until there is room", "[connect][connector]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_unix(0);
  const sys::unique_fd fills_it = support::connect_to(backend.address);
  one_attempt here;
  here.start(backend.address);
  while (here.deadlines() < 4) here.turn();
  CHECK_FALSE(here.has_ended());
  CHECK(here.took() >= (1 + 2 + 4 + 8) * millisecond);  // waits that double, not a spin
  const sys::unique_fd accepted = support::accept_from(backend.fd.get());
  CHECK(here.result().error == 0);
  CHECK(here.result().fd);
}

TEST_CASE("connect: a unix backlog that stays full is ETIMEDOUT", "[connect][connector]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_unix(0);
  const sys::unique_fd fills_it = support::connect_to(backend.address);
  one_attempt here;
  here.start(backend.address, std::chrono::milliseconds(20));
  CHECK(here.result().error == ETIMEDOUT);
  CHECK(here.took() >= 20 * millisecond);
  CHECK(here.deadlines() <= 6);
}

TEST_CASE("connect: out of descriptors is this machine's fault, a refusal is not", "[connect][connector]") {
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL}) CHECK(is_local_shortage(error));
  for (const int error : {ECONNREFUSED, ETIMEDOUT, ECONNRESET, EHOSTUNREACH, ENOENT})
    CHECK_FALSE(is_local_shortage(error));
}

TEST_CASE("may_meet_itself: loopback addresses with a port that the kernel gives away", "[connect][connector]") {
  const sys::local_ports ports{40'000, 50'000};
  const auto at = [](const char* host, std::uint16_t port) { return *sys::socket_address::from_literal(host, port); };
  CHECK(may_meet_itself(at("127.0.0.1", 40'000), ports));
  CHECK(may_meet_itself(at("127.1.2.3", 50'000), ports));
  CHECK(may_meet_itself(at("::1", 45'000), ports));
  CHECK(may_meet_itself(at("::ffff:127.0.0.1", 45'000), ports));
  CHECK_FALSE(may_meet_itself(at("127.0.0.1", 39'999), ports));
  CHECK_FALSE(may_meet_itself(at("127.0.0.1", 50'001), ports));
  CHECK_FALSE(may_meet_itself(at("10.0.0.1", 45'000), ports));
  CHECK_FALSE(may_meet_itself(*sys::socket_address::from_unix_path("/run/a.sock"), ports));
}

namespace {

/// Runs in a thread with a network of its own, in which the kernel has one port to give. False where that can't be had.
bool with_one_local_port(std::uint16_t port, const std::function<void()>& job) {
  bool done = false;
  std::thread apart([&] {
    if (::unshare(CLONE_NEWNET) != 0) return;
    const sys::unique_fd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq loopback{};
    std::strcpy(loopback.ifr_name, "lo");
    loopback.ifr_flags = IFF_UP;
    if (::ioctl(any.get(), SIOCSIFFLAGS, &loopback) != 0) return;
    std::ofstream range("/proc/sys/net/ipv4/ip_local_port_range");
    range << port << ' ' << port << std::endl;
    if (!range) return;
    job();
    done = true;
  });
  apart.join();
  return done;
}

}  // namespace

TEST_CASE("connect: a socket that met itself counts as refused", "[connect][connector]") {
  const support::fd_baseline baseline;
  const std::uint16_t port = 40'000;
  const bool ran = with_one_local_port(port, [&] {
    attempt wanted;
    wanted.address = *sys::socket_address::from_literal("127.0.0.1", port);
    {
      one_attempt unaware;
      unaware.start(wanted);
      REQUIRE(unaware.result().error == 0);  // it does happen
      CHECK(sys::local_address(unaware.result().fd.get()) == wanted.address);
      sys::reset_on_close(unaware.result().fd.get());
    }
    wanted.may_meet_itself = true;
    one_attempt aware;
    aware.start(wanted);
    CHECK(aware.result().error == ECONNREFUSED);
    CHECK_FALSE(aware.result().fd);
  });
  if (!ran) WARN("no network namespace here");
}
