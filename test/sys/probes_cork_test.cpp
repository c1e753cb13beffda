// Probes P3 and P4 of docs/splice.md: what holds a tail back for 200 ms. Told by what the kernel has not sent yet
// (SIOCOUTQNSD) right after the call, not by a clock.
#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"
#include "sys/pipe.hpp"
#include "sys/stream_io.hpp"

using namespace sluice::support;
using sluice::sys::make_pipe;
using sluice::sys::pipe_pair;

namespace {

/// splice(2) to a socket corks by slots since Linux 6.5 (splice_to_socket).
bool corks_by_slots() {
  utsname kernel{};
  ::uname(&kernel);
  unsigned major = 0;
  unsigned minor = 0;
  std::sscanf(kernel.release, "%u.%u", &major, &minor);
  return major > 6 || (major == 6 && minor >= 5);
}

long unsent_bytes(int fd) {
  int n = 0;
  return ::ioctl(fd, SIOCOUTQNSD, &n) == 0 ? n : -1;
}

/// A few bytes in each of the pipe's 16 slots.
std::size_t fill_all_slots(const pipe_pair& pipe) {
  sluice::sys::kernel_stream_io io;
  const socket_pair pair = tcp_pair();
  for (int i = 0; i < 200; ++i) send_all(pair.first.get(), "x");
  wait_unread(pair.second.get(), 200);
  std::size_t filled = 0;
  while (is_writable(pipe.write.get())) filled += io.splice_in(pair.second.get(), pipe.write.get(), 64 * 1024).bytes;
  return filled;
}

/// How much is unsent at once after splicing `length` out of a pipe that holds `held` bytes.
long unsent_after_splice(const pipe_pair& pipe, std::size_t held, std::size_t length, unsigned flags) {
  const socket_pair pair = tcp_pair();
  const ssize_t n = ::splice(pipe.read.get(), nullptr, pair.first.get(), nullptr, length, SPLICE_F_NONBLOCK | flags);
  const long unsent = unsent_bytes(pair.first.get());
  CHECK(n == static_cast<ssize_t>(held));
  CHECK(receive_exactly(pair.second.get(), held).size() == held);
  return unsent;
}

/// The largest of a few tries: a test that is put aside for 200 ms in the wrong moment sees the cork's end.
template <typename Try>
long most_unsent(Try&& attempt) {
  long most = 0;
  for (int i = 0; i < 5 && most == 0; ++i) most = attempt();
  return most;
}

}  // namespace

TEST_CASE("probe P3: with all slots used, a length over what the pipe holds corks the tail", "[probe]") {
  const fd_baseline descriptors;
  const pipe_pair pipe = make_pipe(64 * 1024);
  REQUIRE(pipe.slots == 16);

  const std::size_t exact = fill_all_slots(pipe);
  CHECK(unsent_after_splice(pipe, exact, exact, 0) == 0);

  const long held_back = most_unsent([&] {
    const std::size_t held = fill_all_slots(pipe);
    return unsent_after_splice(pipe, held, 1024 * 1024, 0);
  });
  CHECK((held_back > 0) == corks_by_slots());
}

TEST_CASE("probe P4: SPLICE_F_MORE corks the tail whatever TCP_NODELAY says", "[probe]") {
  const fd_baseline descriptors;
  const pipe_pair pipe = make_pipe(0);
  const auto splice_tail = [&](unsigned flags) {
    REQUIRE(::write(pipe.write.get(), "tail", 4) == 4);
    return unsent_after_splice(pipe, 4, 4, flags);
  };
  CHECK(splice_tail(0) == 0);
  CHECK(most_unsent([&] { return splice_tail(SPLICE_F_MORE); }) == 4);
}
