#include "accept/listener.hpp"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <iterator>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"

using namespace sluice;
using namespace sluice::accept;
namespace support = sluice::support;

namespace {

struct recorder final : accept_handler {
  void on_accepted(listener&, accepted&& client) noexcept override { in.push_back(std::move(client)); }
  void on_rejected(listener&) noexcept override { ++rejected; }
  void on_paused(listener&, pause_reason why, int error) noexcept override { pauses.emplace_back(why, error); }

  std::vector<accepted> in;
  std::size_t rejected = 0;
  std::vector<std::pair<pause_reason, int>> pauses;
};

/// Has another listener take clients in whenever one came, as if on its own worker at that moment.
struct neighbour final : accept_handler {
  explicit neighbour(listener& one) : other(one) {}
  void on_accepted(listener&, accepted&& client) noexcept override {
    in.push_back(std::move(client));
    other.take_batch();
  }
  void on_rejected(listener&) noexcept override { ++rejected; }
  void on_paused(listener&, pause_reason, int) noexcept override {}

  listener& other;
  std::vector<accepted> in;
  int rejected = 0;
};

/// Waits until that many clients stand in the accept queue: connect(2) may return before the last has got there.
void wait_queued(int listener, std::size_t n) {
  REQUIRE(support::wait_until([&] {
    tcp_info info{};
    socklen_t size = sizeof info;
    return ::getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_unacked == n;
  }));
}

/// A listener with its limits, and clients that have connected to it and wait in its queue.
struct scene {
  explicit scene(std::uint32_t of_process_cap = 0, std::uint32_t of_service_cap = 0,
                 full_action when_full = full_action::wait)
      : of_process(of_process_cap), of_service(of_service_cap) {
    support::listening_socket made = support::listen_tcp();
    address = made.address;
    door.emplace(sys::share(std::move(made.fd)), 7, of_process, of_service, when_full, handler);
  }

  void connect(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) clients.push_back(support::connect_to(address));
    wait_queued(door->fd(), n);
  }

  admission of_process;
  admission of_service;
  recorder handler;
  sys::socket_address address;
  std::optional<listener> door;
  std::vector<sys::unique_fd> clients;
};

/// 0 at the end of file, errno if the connection is broken, -1 if it lives and says nothing.
int end_of(const sys::unique_fd& client) {
  if (!support::wait_readable(client.get(), std::chrono::milliseconds(0))) return -1;
  char byte;
  const ssize_t n = ::recv(client.get(), &byte, 1, MSG_DONTWAIT);
  return n < 0 ? errno : static_cast<int>(n);
}

/// No descriptor can be opened while it lives.
class no_descriptors {
 public:
  no_descriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int lowest_free = ::fcntl(0, F_DUPFD_CLOEXEC, 0);
    ::close(lowest_free);
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(lowest_free);
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  no_descriptors(const no_descriptors&) = delete;
  no_descriptors& operator=(const no_descriptors&) = delete;
  ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

/// Makes accept4(2) fail with EPERM in this thread, for good. False where that is not allowed.
bool forbid_accept() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_accept4, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace

TEST_CASE("listener: takes clients in bounded batches and says that more may wait", "[accept][listener]") {
  const support::fd_baseline baseline;
  scene here;
  here.connect(40);
  CHECK(here.door->take_batch());
  CHECK(here.handler.in.size() == 32);
  CHECK(here.of_process.in_use() == 32);
  CHECK_FALSE(here.door->take_batch());
  CHECK(here.handler.in.size() == 40);
  CHECK(here.of_process.in_use() == 40);
  CHECK(here.of_service.in_use() == 40);
  CHECK(here.handler.pauses.empty());
  for (const accepted& one : here.handler.in) {
    CHECK(one.peer.port() != 0);
    CHECK((::fcntl(one.client.get(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(one.client.get(), F_GETFD) & FD_CLOEXEC) != 0);
  }
  here.handler.in.clear();
  CHECK(here.of_process.in_use() == 0);
  CHECK(here.of_service.in_use() == 0);
}

TEST_CASE("listener: an edge for nobody takes no place and is no pause", "[accept][listener]") {
  const support::fd_baseline baseline;
  scene here(1, 1);
  CHECK_FALSE(here.door->take_batch());
  CHECK(here.of_process.in_use() == 0);
  CHECK(here.of_service.in_use() == 0);
  CHECK_FALSE(here.door->is_paused());
  CHECK(here.door->tag() == 7);
}

TEST_CASE("listener: at a limit it rests, and the next client waits until a place is free", "[accept][listener]") {
  const support::fd_baseline baseline;
  const bool of_process = GENERATE(true, false);
  CAPTURE(of_process);
  scene here(of_process ? 2 : 0, of_process ? 0 : 2);
  here.connect(3);
  CHECK(here.door->take_batch());
  CHECK(here.handler.in.size() == 2);
  CHECK_FALSE(here.door->take_batch());
  CHECK(here.door->is_paused());
  REQUIRE(here.handler.pauses.size() == 1);
  CHECK(here.handler.pauses[0] == std::pair(of_process ? pause_reason::process_full : pause_reason::service_full, 0));
  CHECK(here.of_process.in_use() == 2);
  CHECK(here.of_service.in_use() == 2);
  CHECK(end_of(here.clients[2]) == -1);

  here.handler.in.erase(here.handler.in.begin());
  CHECK_FALSE(here.door->take_batch());  // resting until told otherwise
  CHECK(here.handler.in.size() == 1);
  here.door->resume();
  here.door->take_batch();
  CHECK(here.handler.in.size() == 2);
  CHECK(here.of_process.in_use() == 2);
}

TEST_CASE("listener: a resumed listener that still finds no place rests again", "[accept][listener]") {
  scene here(1);
  here.connect(2);
  here.door->take_batch();
  here.door->take_batch();
  here.door->resume();
  CHECK_FALSE(here.door->take_batch());
  CHECK(here.door->is_paused());
  CHECK(here.handler.pauses.size() == 2);
  CHECK(here.handler.in.size() == 1);
}

TEST_CASE("listener: with when_full = reset those above the limit are reset at once", "[accept][listener]") {
  const support::fd_baseline baseline;
  scene here(2, 0, full_action::reset);
  here.connect(5);
  while (here.door->take_batch()) {
  }
  CHECK(here.handler.in.size() == 2);
  CHECK(here.handler.rejected == 3);
  CHECK(here.handler.pauses.empty());
  CHECK(here.of_process.in_use() == 2);
  CHECK(here.of_service.in_use() == 2);
  CHECK(end_of(here.clients[0]) == -1);
  for (std::size_t i = 2; i < 5; ++i) {
    REQUIRE(support::wait_readable(here.clients[i].get()));
    CHECK(end_of(here.clients[i]) == ECONNRESET);
  }
}

TEST_CASE("listener: with when_full = reset nobody is reset below the limit because another worker takes in a batch",
          "[accept][listener]") {
  const support::fd_baseline baseline;
  admission of_process(0);
  admission of_service(4);
  support::listening_socket first = support::listen_tcp();
  support::listening_socket second = support::listen_tcp();
  recorder of_second;
  listener other(sys::share(std::move(second.fd)), 0, of_process, of_service, full_action::reset, of_second);
  neighbour of_first(other);
  listener door(sys::share(std::move(first.fd)), 0, of_process, of_service, full_action::reset, of_first);
  std::vector<sys::unique_fd> clients;
  for (const sys::socket_address& to : {first.address, first.address, second.address, second.address})
    clients.push_back(support::connect_to(to));
  wait_queued(door.fd(), 2);
  wait_queued(other.fd(), 2);
  while (door.take_batch()) {
  }
  CHECK(of_first.in.size() == 2);
  CHECK(of_second.in.size() == 2);
  CHECK(of_first.rejected == 0);
  CHECK(of_second.rejected == 0);
  CHECK(of_service.in_use() == 4);
}

TEST_CASE("listener: out of descriptors it rests, and goes on once there are some", "[accept][listener]") {
  const support::fd_baseline baseline;
  const auto when_full = GENERATE(full_action::wait, full_action::reset);
  scene here(0, 0, when_full);
  here.connect(2);
  {
    const no_descriptors none;
    CHECK_FALSE(here.door->take_batch());
    CHECK_FALSE(here.door->take_batch());
  }
  CHECK(here.door->is_paused());
  REQUIRE(here.handler.pauses.size() == 1);  // not one a turn
  CHECK(here.handler.pauses[0] == std::pair(pause_reason::no_resources, EMFILE));
  CHECK(here.of_process.in_use() == 0);
  here.door->resume();
  CHECK_FALSE(here.door->take_batch());
  CHECK(here.handler.in.size() == 2);
  CHECK(here.handler.rejected == 0);
}

TEST_CASE("listener: a sandbox that forbids to accept makes it rest, not spin", "[accept][listener]") {
  const bool full = GENERATE(false, true);
  CAPTURE(full);
  scene here(full ? 1 : 0, 0, full_action::reset);
  if (full) REQUIRE(here.of_process.take(1) == 1);
  here.connect(1);
  bool forbidden = false;
  bool more = true;
  std::thread sandboxed([&] {
    forbidden = forbid_accept();
    if (forbidden) more = here.door->take_batch();
  });
  sandboxed.join();
  if (!forbidden) {
    WARN("no seccomp filter here");
    return;
  }
  CHECK_FALSE(more);
  REQUIRE(here.handler.pauses.size() == 1);
  CHECK(here.handler.pauses[0] == std::pair(pause_reason::no_resources, EPERM));
}

TEST_CASE("listener: stop takes in who waits, where a close would reset them", "[accept][listener]") {
  const support::fd_baseline baseline;
  scene stopped;
  stopped.connect(40);
  stopped.door->stop();
  CHECK(stopped.door->fd() == -1);
  REQUIRE(stopped.handler.in.size() == 40);
  for (const accepted& one : stopped.handler.in) support::send_all(one.client.get(), "in");
  for (const sys::unique_fd& client : stopped.clients) CHECK(support::receive_text(client.get(), 2) == "in");
  CHECK_FALSE(stopped.door->take_batch());

  scene closed;
  closed.connect(40);
  closed.door.reset();
  for (const sys::unique_fd& client : closed.clients) {
    REQUIRE(support::wait_readable(client.get()));
    CHECK(end_of(client) == ECONNRESET);
  }
}

TEST_CASE("listener: stop of one that rests takes in those for whom there is a place by now", "[accept][listener]") {
  scene here(1);
  here.connect(3);
  here.door->take_batch();
  here.door->take_batch();
  REQUIRE(here.door->is_paused());
  here.handler.in.clear();
  CHECK(here.of_process.in_use() == 0);
  here.door->stop();
  CHECK(here.handler.in.size() == 1);
  CHECK(here.of_process.in_use() == 1);
  CHECK(here.handler.pauses.size() == 1);  // nobody is told that a stopped listener rests
  REQUIRE(support::wait_readable(here.clients[2].get()));
  CHECK(end_of(here.clients[2]) == ECONNRESET);
}

TEST_CASE("listener: two threads with listeners of one service never pass its limit", "[accept][listener]") {
  const support::fd_baseline baseline;
  constexpr std::uint32_t cap = 24;
  admission of_process(0);
  admission of_service(cap);
  struct side {
    support::listening_socket socket = support::listen_tcp();
    recorder handler;
    std::vector<sys::unique_fd> clients;
  };
  side sides[2];
  for (side& one : sides)
    for (int i = 0; i < 40; ++i) one.clients.push_back(support::connect_to(one.socket.address));
  std::vector<std::thread> threads;
  for (side& one : sides)
    threads.emplace_back([&] {
      listener door(sys::share(std::move(one.socket.fd)), 0, of_process, of_service, full_action::wait, one.handler);
      for (int turn = 0; turn < 100; ++turn) {
        door.take_batch();
        door.resume();
      }
    });
  for (std::thread& one : threads) one.join();
  CHECK(sides[0].handler.in.size() + sides[1].handler.in.size() == cap);
  CHECK(of_service.in_use() == cap);
  CHECK(of_process.in_use() == cap);
}
