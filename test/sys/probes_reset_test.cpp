// Probes P7 to P10 of docs/splice.md and the facts of docs/architecture.md about resets: how errors, end of file and
// urgent data show to a program that splices.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <vector>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"
#include "sys/pipe.hpp"
#include "sys/socket.hpp"
#include "sys/stream_io.hpp"

using namespace sluice::support;
using sluice::sys::io_result;
using sluice::sys::make_pipe;
using sluice::sys::pipe_bytes;
using sluice::sys::pipe_pair;
using kind = io_result::kind;

namespace {

constexpr std::size_t ask = 64 * 1024;

/// Holds SIGPIPE back from this thread and tells whether one came.
class held_sigpipe {
 public:
  held_sigpipe() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  held_sigpipe(const held_sigpipe&) = delete;
  held_sigpipe& operator=(const held_sigpipe&) = delete;
  ~held_sigpipe() {
    take();
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  bool take() noexcept {
    const timespec at_once{};
    return ::sigtimedwait(&set_, nullptr, &at_once) == SIGPIPE;
  }

 private:
  sigset_t set_;
  sigset_t before_;
};

void wait_reset(int fd) { REQUIRE((poll_events(fd, 0, patience) & POLLERR) != 0); }

/// A connection whose second end has "bytes" and a reset in its queue.
sluice::sys::unique_fd bytes_and_reset() {
  socket_pair pair = tcp_pair();
  send_all(pair.first.get(), "bytes");
  wait_unread(pair.second.get(), 5);
  reset(std::move(pair.first));
  wait_reset(pair.second.get());
  return std::move(pair.second);
}

}  // namespace

TEST_CASE("probe P7: bytes before a reset come first, then ECONNRESET once, then what looks like end of file",
          "[probe]") {
  const fd_baseline descriptors;
  sluice::sys::kernel_stream_io io;
  const auto socket = bytes_and_reset();
  const pipe_pair pipe = make_pipe(0);
  CHECK(io.splice_in(socket.get(), pipe.write.get(), ask).bytes == 5);
  const io_result reset_seen = io.splice_in(socket.get(), pipe.write.get(), ask);
  CHECK(reset_seen.what == kind::failed);
  CHECK(reset_seen.error == ECONNRESET);
  CHECK(io.splice_in(socket.get(), pipe.write.get(), ask).what == kind::eof);
}

TEST_CASE("probe P8: who asks first gets the reset, a later splice sees an end of file", "[probe]") {
  const fd_baseline descriptors;
  sluice::sys::kernel_stream_io io;
  const auto socket = bytes_and_reset();
  const pipe_pair in = make_pipe(0);
  const pipe_pair out = make_pipe(0);
  SECTION("a splice out asks first") {
    REQUIRE(io.write_pipe(out.write.get(), std::as_bytes(std::span("xyz", 3))).bytes == 3);
    const io_result reset_seen = io.splice_out(out.read.get(), socket.get(), 3);
    CHECK(reset_seen.what == kind::failed);
    CHECK(reset_seen.error == ECONNRESET);
  }
  SECTION("SO_ERROR is read first") {
    CHECK(io.take_error(socket.get()) == ECONNRESET);
    CHECK(io.take_error(socket.get()) == 0);
  }
  CHECK(io.splice_in(socket.get(), in.write.get(), ask).bytes == 5);
  CHECK(io.splice_in(socket.get(), in.write.get(), ask).what == kind::eof);
}

TEST_CASE("probe P9: a second splice to a dead socket is EPIPE and SIGPIPE, and the bytes stay in the pipe",
          "[probe]") {
  const fd_baseline descriptors;
  sluice::sys::kernel_stream_io io;
  held_sigpipe sigpipe;
  const auto socket = bytes_and_reset();
  const pipe_pair pipe = make_pipe(0);
  REQUIRE(io.write_pipe(pipe.write.get(), std::as_bytes(std::span("xyz", 3))).bytes == 3);
  CHECK(io.splice_out(pipe.read.get(), socket.get(), 3).error == ECONNRESET);
  CHECK_FALSE(sigpipe.take());
  CHECK(io.splice_out(pipe.read.get(), socket.get(), 3).error == EPIPE);
  CHECK(sigpipe.take());
  CHECK(pipe_bytes(pipe.read.get()) == 3);
}

TEST_CASE("probe P10: splice never passes urgent data while poll says readable; one recv steps over it", "[probe]") {
  const fd_baseline descriptors;
  sluice::sys::kernel_stream_io io;
  const socket_pair pair = tcp_pair();
  const int inline_urgent = GENERATE(0, 1);
  CAPTURE(inline_urgent);
  REQUIRE(sluice::sys::set_option(pair.second.get(), SOL_SOCKET, SO_OOBINLINE, inline_urgent) == 0);
  send_all(pair.first.get(), "abc");
  REQUIRE(::send(pair.first.get(), "!", 1, MSG_OOB) == 1);
  send_all(pair.first.get(), "def");
  REQUIRE((poll_events(pair.second.get(), POLLPRI, patience) & POLLPRI) != 0);
  wait_unread(pair.second.get(), 3);
  const pipe_pair pipe = make_pipe(0);

  CHECK(io.splice_in(pair.second.get(), pipe.write.get(), ask).bytes == 3);
  for (int i = 0; i < 3; ++i) {
    CHECK(is_readable(pair.second.get()));
    CHECK(io.splice_in(pair.second.get(), pipe.write.get(), ask).what == kind::would_block);
  }
  std::byte stepped[16];
  const io_result step = io.receive(pair.second.get(), stepped);
  REQUIRE(step.what == kind::moved);
  const io_result rest = io.splice_in(pair.second.get(), pipe.write.get(), ask);
  const std::size_t expected = inline_urgent != 0 ? 4 : 3;
  CHECK(step.bytes + (rest.what == kind::moved ? rest.bytes : 0) == expected);
  if (inline_urgent != 0) CHECK(stepped[0] == std::byte{'!'});
}

TEST_CASE("probe: SO_OOBINLINE keeps an urgent byte that has come before the option", "[probe]") {
  const fd_baseline descriptors;
  const socket_pair pair = tcp_pair();
  REQUIRE(::send(pair.first.get(), "!", 1, MSG_OOB) == 1);
  REQUIRE((poll_events(pair.second.get(), POLLPRI, patience) & POLLPRI) != 0);
  REQUIRE(sluice::sys::set_option(pair.second.get(), SOL_SOCKET, SO_OOBINLINE, 1) == 0);
  CHECK(receive_text(pair.second.get(), 1) == "!");
}

TEST_CASE("probe: an urgent byte overtaken by another is lost unless SO_OOBINLINE was set before both", "[probe]") {
  const fd_baseline descriptors;
  const socket_pair pair = tcp_pair();
  const bool set_before = GENERATE(true, false);
  const auto set_inline = [&] {
    REQUIRE(sluice::sys::set_option(pair.second.get(), SOL_SOCKET, SO_OOBINLINE, 1) == 0);
  };
  if (set_before) set_inline();
  REQUIRE(::send(pair.first.get(), "1", 1, MSG_OOB) == 1);
  REQUIRE((poll_events(pair.second.get(), POLLPRI, patience) & POLLPRI) != 0);
  REQUIRE(::send(pair.first.get(), "2", 1, MSG_OOB) == 1);
  send_all(pair.first.get(), "end");
  ::shutdown(pair.first.get(), SHUT_WR);
  REQUIRE((poll_events(pair.second.get(), POLLRDHUP, patience) & POLLRDHUP) != 0);
  if (!set_before) set_inline();
  CHECK(receive_until_eof(pair.second.get()).size() == (set_before ? 5 : 4));
}

TEST_CASE("probe: closing with linger 0 throws away what is unsent", "[probe]") {
  const fd_baseline descriptors;
  sluice::sys::kernel_stream_io io;
  socket_pair pair = tcp_pair();
  const std::size_t sent = send_until_full(pair.first.get());
  CHECK(sluice::sys::unacknowledged_bytes(pair.first.get()) > 0);
  reset(std::move(pair.first));
  wait_reset(pair.second.get());
  std::vector<std::byte> bytes(ask);
  std::size_t received = 0;
  io_result last;
  while ((last = io.receive(pair.second.get(), bytes)).what == kind::moved) received += last.bytes;
  CHECK(last.error == ECONNRESET);
  CHECK(received < sent);
}

TEST_CASE("probe: closing with bytes unread resets the peer", "[probe]") {
  const fd_baseline descriptors;
  socket_pair pair = tcp_pair();
  send_all(pair.first.get(), "unread");
  wait_unread(pair.second.get(), 6);
  pair.second.reset();
  CHECK_THROWS_AS(receive_exactly(pair.first.get(), 1), std::system_error);
}
