#include "sys/stream_io.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <future>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "support/byte_stream.hpp"
#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"
#include "support/signal_storm.hpp"
#include "sys/pipe.hpp"
#include "sys/socket.hpp"

using namespace sluice::support;
using sluice::sys::io_result;
using sluice::sys::kernel_stream_io;
using sluice::sys::make_pipe;
using sluice::sys::pipe_pair;
using kind = io_result::kind;

namespace {

constexpr std::size_t ask = 64 * 1024;

std::span<const std::byte> as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

/// Runs a call that blocks until release() is called; that is when the call has been interrupted at least five times.
io_result interrupted(const std::function<io_result()>& call, const std::function<void()>& release) {
  const signal_storm storm(std::chrono::microseconds(200));
  std::thread other;
  {
    const storm_shelter shelter;
    other = std::thread([&] {
      wait_until([&] { return storm.signals() >= 5; });
      release();
    });
  }
  const io_result result = call();
  other.join();
  return result;
}

}  // namespace

TEST_CASE("stream_io: what moves is counted, nothing there is a would-block, the end is an eof", "[sys][stream_io]") {
  const fd_baseline descriptors;
  kernel_stream_io io;
  socket_pair pair = GENERATE(false, true) ? tcp_pair() : unix_pair();
  const pipe_pair pipe = make_pipe(0);
  std::array<std::byte, 16> buffer;
  const int socket = pair.second.get();

  CHECK(io.splice_in(socket, pipe.write.get(), ask).what == kind::would_block);
  CHECK(io.receive(socket, buffer).what == kind::would_block);
  CHECK(io.peek(socket, buffer).what == kind::would_block);

  CHECK(io.send(pair.first.get(), as_bytes("hello world")).bytes == 11);
  wait_unread(socket, 11);
  const io_result peeked = io.peek(socket, buffer);
  CHECK(peeked.what == kind::moved);
  CHECK(peeked.bytes == 11);
  CHECK(io.receive(socket, std::span(buffer).first(6)).bytes == 6);
  const io_result filled = io.splice_in(socket, pipe.write.get(), ask);
  CHECK(filled.what == kind::moved);
  CHECK(filled.bytes == 5);
  CHECK(io.write_pipe(pipe.write.get(), as_bytes("!")).bytes == 1);
  CHECK(io.splice_out(pipe.read.get(), socket, 6).bytes == 6);
  CHECK(receive_text(pair.first.get(), 6) == "world!");

  CHECK(io.shutdown_write(pair.first.get()) == 0);
  REQUIRE(wait_readable(socket));
  CHECK(io.peek(socket, buffer).what == kind::eof);
  CHECK(io.receive(socket, buffer).what == kind::eof);
  CHECK(io.splice_in(socket, pipe.write.get(), ask).what == kind::eof);
  CHECK(io.send(socket, as_bytes("still open")).bytes == 10);
}

TEST_CASE("stream_io: a full socket and a full pipe are would-blocks", "[sys][stream_io]") {
  const fd_baseline descriptors;
  kernel_stream_io io;
  const socket_pair pair = GENERATE(false, true) ? tcp_pair() : unix_pair();
  const pipe_pair pipe = make_pipe(0);
  const auto page = byte_stream(1).bytes(0, 4096);

  // Over TCP the peer may be given what was sent a moment later, and then there is room again.
  CHECK(wait_until([&] {
    const pipe_pair held = make_pipe(0);
    REQUIRE(io.write_pipe(held.write.get(), page).bytes == 4096);
    send_until_full(pair.first.get());
    return io.send(pair.first.get(), page).what == kind::would_block &&
           io.splice_out(held.read.get(), pair.first.get(), 4096).what == kind::would_block &&
           sluice::sys::pipe_bytes(held.read.get()) == 4096;
  }));
  while (io.write_pipe(pipe.write.get(), page).what == kind::moved) {
  }
  CHECK(io.write_pipe(pipe.write.get(), page).what == kind::would_block);
}

TEST_CASE("stream_io: splicing out of an empty pipe is a would-block, not an end", "[sys][stream_io]") {
  kernel_stream_io io;
  const socket_pair pair = tcp_pair();
  const pipe_pair pipe = make_pipe(0);
  CHECK(io.splice_out(pipe.read.get(), pair.first.get(), 1).what == kind::would_block);
}

TEST_CASE("stream_io: a pipe is read until it is empty, and ends with its last writer", "[sys][stream_io]") {
  const fd_baseline descriptors;
  kernel_stream_io io;
  pipe_pair pipe = make_pipe(0);
  std::array<std::byte, 16> buffer;
  CHECK(io.read_pipe(pipe.read.get(), buffer).what == kind::would_block);
  REQUIRE(io.write_pipe(pipe.write.get(), as_bytes("abc")).bytes == 3);
  CHECK(io.read_pipe(pipe.read.get(), buffer).bytes == 3);
  pipe.write.reset();
  CHECK(io.read_pipe(pipe.read.get(), buffer).what == kind::eof);
}

TEST_CASE("stream_io: tee copies and leaves the bytes where they are", "[sys][stream_io]") {
  const fd_baseline descriptors;
  kernel_stream_io io;
  const pipe_pair from = make_pipe(0);
  const pipe_pair shadow = make_pipe(0);
  std::array<std::byte, 16> buffer;
  CHECK(io.tee(from.read.get(), shadow.write.get(), ask).what == kind::would_block);
  REQUIRE(io.write_pipe(from.write.get(), as_bytes("abc")).bytes == 3);
  CHECK(io.tee(from.read.get(), shadow.write.get(), ask).bytes == 3);
  CHECK(sluice::sys::pipe_bytes(from.read.get()) == 3);
  CHECK(io.read_pipe(shadow.read.get(), buffer).bytes == 3);
}

TEST_CASE("stream_io: errors keep their number", "[sys][stream_io]") {
  const fd_baseline descriptors;
  kernel_stream_io io;
  const socket_pair pair = tcp_pair();
  const pipe_pair pipe = make_pipe(0);
  std::array<std::byte, 16> buffer;
  const auto failed_with = [](const io_result& result, int error) {
    return result.what == kind::failed && result.error == error;
  };
  CHECK(failed_with(io.receive(-1, buffer), EBADF));
  CHECK(failed_with(io.peek(pipe.read.get(), buffer), ENOTSOCK));
  CHECK(failed_with(io.send(-1, as_bytes("x")), EBADF));
  CHECK(failed_with(io.write_pipe(pipe.read.get(), as_bytes("x")), EBADF));
  CHECK(failed_with(io.splice_in(pair.first.get(), pair.second.get(), ask), EINVAL));
  CHECK(failed_with(io.splice_out(pipe.read.get(), -1, 1), EBADF));
  CHECK(io.shutdown_write(-1) == EBADF);
  CHECK(io.shutdown_write(make_pipe(0).read.get()) == ENOTSOCK);
}

TEST_CASE("stream_io: sending to a peer that is gone is EPIPE without a signal", "[sys][stream_io]") {
  kernel_stream_io io;
  socket_pair pair = unix_pair();
  pair.second.reset();
  const io_result result = io.send(pair.first.get(), as_bytes("x"));
  CHECK(result.what == kind::failed);
  CHECK(result.error == EPIPE);
}

TEST_CASE("stream_io: take_error tells a reset once", "[sys][stream_io]") {
  kernel_stream_io io;
  socket_pair pair = tcp_pair();
  CHECK(io.take_error(pair.second.get()) == 0);
  reset(std::move(pair.first));
  REQUIRE(wait_readable(pair.second.get()));
  CHECK(io.take_error(pair.second.get()) == ECONNRESET);
  CHECK(io.take_error(pair.second.get()) == 0);
  CHECK(io.take_error(-1) == EBADF);
}

TEST_CASE("stream_io: a call that signals interrupt goes on", "[sys][stream_io]") {
  const fd_baseline descriptors;
  kernel_stream_io io;
  SECTION("splice_in, waiting on a blocking socket") {
    const socket_pair pair = tcp_pair(io_mode::blocking);
    const pipe_pair pipe = make_pipe(0);
    const io_result filled = interrupted([&] { return io.splice_in(pair.second.get(), pipe.write.get(), ask); },
                                         [&] { send_all(pair.first.get(), "late"); });
    CHECK(filled.what == kind::moved);
    CHECK(filled.bytes == 4);
  }
  SECTION("write_pipe, waiting on a blocking pipe") {
    const pipe_pair pipe = make_pipe(0);
    const auto page = byte_stream(1).bytes(0, 4096);
    while (io.write_pipe(pipe.write.get(), page).what == kind::moved) {
    }
    set_blocking(pipe.write.get(), io_mode::blocking);
    std::vector<std::byte> drained(4096);
    ssize_t n = 0;
    const io_result written = interrupted([&] { return io.write_pipe(pipe.write.get(), std::span(page).first(100)); },
                                          [&] { n = ::read(pipe.read.get(), drained.data(), drained.size()); });
    CHECK(n == 4096);
    CHECK(written.what == kind::moved);
    CHECK(written.bytes == 100);
  }
}

TEST_CASE("stream_io: a relay under a storm of signals sees none of them and loses no byte", "[sys][stream_io]") {
  const fd_baseline descriptors;
  kernel_stream_io io;
  constexpr std::size_t total = 32 * 1024 * 1024;
  const socket_pair client = tcp_pair();
  const socket_pair backend = tcp_pair();
  const pipe_pair pipe = make_pipe(0);
  stream_checker checker(5);
  const signal_storm storm(std::chrono::microseconds(50));
  std::future<void> sender;
  std::future<void> receiver;
  {
    const storm_shelter shelter;
    sender = std::async(std::launch::async, [&] {
      const byte_stream stream(5);
      for (std::size_t sent = 0; sent < total; sent += 1 << 20)
        send_all(client.first.get(), stream.bytes(sent, 1 << 20));
      ::shutdown(client.first.get(), SHUT_WR);
    });
    receiver = std::async(std::launch::async,
                          [&] { checker.take(receive_until_eof(backend.second.get(), std::chrono::seconds(60))); });
  }
  int failures = 0;
  bool ended = false;
  while (!ended && failures == 0) {
    const io_result filled = io.splice_in(client.second.get(), pipe.write.get(), ask);
    ended = filled.what == kind::eof;
    failures += filled.what == kind::failed ? 1 : 0;
    if (filled.what == kind::would_block) wait_readable(client.second.get());
    for (std::size_t held = filled.bytes; held > 0 && failures == 0;) {
      const io_result drained = io.splice_out(pipe.read.get(), backend.first.get(), held);
      held -= drained.bytes;
      failures += drained.what == kind::failed ? 1 : 0;
      if (drained.what == kind::would_block) wait_writable(backend.first.get());
    }
  }
  CHECK(failures == 0);
  CHECK(io.shutdown_write(backend.first.get()) == 0);
  sender.get();
  receiver.get();
  CHECK(checker.intact());
  CHECK(checker.position() == total);
  CHECK(storm.signals() > 0);
}
