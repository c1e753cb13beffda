// What pipes and splice(2) do on this kernel: the probes of docs/splice.md that sluice's pump and pool rest on.
#include <fcntl.h>
#include <linux/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/byte_stream.hpp"
#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"
#include "support/wait.hpp"
#include "sys/pipe.hpp"
#include "sys/socket.hpp"
#include "sys/stream_io.hpp"

using namespace sluice::support;
using sluice::sys::io_result;
using sluice::sys::make_pipe;
using sluice::sys::pipe_bytes;
using sluice::sys::pipe_pair;
using sluice::sys::unread_bytes;
using kind = io_result::kind;

namespace {

constexpr std::size_t much = 1024 * 1024;

/// Leaves at least n bytes unread. The kernel grows a receive buffer by what its reader takes in a round trip's time,
/// so the pair is filled and emptied until the buffer has become large enough.
void queue_bulk(const socket_pair& pair, std::size_t n) {
  const bool queued = wait_until([&] {
    send_until_full(pair.first.get());
    const auto unread = static_cast<std::size_t>(unread_bytes(pair.second.get()));
    if (unread < n) receive_exactly(pair.second.get(), unread);
    return unread >= n;
  });
  if (!queued) throw std::runtime_error("the kernel does not let " + std::to_string(n) + " bytes wait unread");
}

std::size_t drain(const pipe_pair& pipe) {
  char bytes[4096];
  std::size_t drained = 0;
  for (ssize_t n; (n = ::read(pipe.read.get(), bytes, sizeof bytes)) > 0;) drained += static_cast<std::size_t>(n);
  return drained;
}

}  // namespace

TEST_CASE("probe P1: a pipe is full when its slots are, however few the bytes", "[probe]") {
  const fd_baseline descriptors;
  sluice::sys::kernel_stream_io io;
  const socket_pair pair = tcp_pair();
  const pipe_pair pipe = make_pipe(64 * 1024);
  REQUIRE(pipe.slots == 16);
  for (int i = 0; i < 200; ++i) send_all(pair.first.get(), "x");
  wait_unread(pair.second.get(), 200);

  std::size_t filled = 0;
  io_result last;
  while ((last = io.splice_in(pair.second.get(), pipe.write.get(), 64 * 1024)).what == kind::moved)
    filled += last.bytes;
  CHECK(last.what == kind::would_block);
  CHECK(filled > 0);
  CHECK(filled < 200);
  CHECK(unread_bytes(pair.second.get()) == static_cast<long>(200 - filled));
  CHECK_FALSE(is_writable(pipe.write.get()));

  INFO("an emptied pipe takes more, so the would-block above was the pipe's");
  CHECK(drain(pipe) == filled);
  CHECK(io.splice_in(pair.second.get(), pipe.write.get(), 64 * 1024).what == kind::moved);
}

TEST_CASE("probe P5: a pipe may hold more bytes than its size says", "[probe]") {
  const fd_baseline descriptors;
  sluice::sys::kernel_stream_io io;
  const socket_pair pair = tcp_pair();
  queue_bulk(pair, 512 * 1024);
  const pipe_pair pipe = make_pipe(64 * 1024);
  std::size_t filled = 0;
  for (io_result last; (last = io.splice_in(pair.second.get(), pipe.write.get(), much)).what == kind::moved;)
    filled += last.bytes;
  CHECK(filled > 64 * 1024);
  CHECK(pipe_bytes(pipe.read.get()) == static_cast<long>(filled));
}

TEST_CASE("probe P6: one splice into an empty pipe moves the pipe's size at most", "[probe]") {
  const fd_baseline descriptors;
  sluice::sys::kernel_stream_io io;
  const std::size_t size = GENERATE(64U, 128U, 256U, 512U, 1024U) * 1024;
  CAPTURE(size);
  const socket_pair pair = tcp_pair();
  queue_bulk(pair, size);
  const pipe_pair pipe = make_pipe(size);
  REQUIRE(pipe.slots * sluice::sys::page_size() == size);
  const io_result filled = io.splice_in(pair.second.get(), pipe.write.get(), 16 * much);
  CHECK(filled.bytes == size);
}

TEST_CASE("probe P11: tee begins at the head every time and stops at full slots", "[probe]") {
  const fd_baseline descriptors;
  const pipe_pair from = make_pipe(64 * 1024);
  const pipe_pair shadow = make_pipe(8 * 1024);
  REQUIRE(shadow.slots == 2);
  const auto bytes = byte_stream(2).bytes(0, 16 * 1024);
  REQUIRE(::write(from.write.get(), bytes.data(), bytes.size()) == 16 * 1024);
  const auto tee = [&] { return ::tee(from.read.get(), shadow.write.get(), 16 * 1024, SPLICE_F_NONBLOCK); };

  CHECK(tee() == 8 * 1024);
  CHECK(tee() == -1);
  CHECK(errno == EAGAIN);
  std::vector<std::byte> first(8 * 1024);
  REQUIRE(::read(shadow.read.get(), first.data(), first.size()) == 8 * 1024);
  CHECK(tee() == 8 * 1024);
  std::vector<std::byte> second(8 * 1024);
  REQUIRE(::read(shadow.read.get(), second.data(), second.size()) == 8 * 1024);
  CHECK(byte_stream(2).matching(0, first) == 8 * 1024);
  CHECK(second == first);
}

TEST_CASE("probe P14: a header written into the pipe leaves in one segment with what is spliced behind it", "[probe]") {
  const fd_baseline descriptors;
  sluice::sys::kernel_stream_io io;
  const socket_pair client = tcp_pair();
  const socket_pair backend = tcp_pair();
  const pipe_pair pipe = make_pipe(0);
  send_all(client.first.get(), "payload");
  wait_unread(client.second.get(), 7);

  CHECK(io.write_pipe(pipe.write.get(), std::as_bytes(std::span("header ", 7))).bytes == 7);
  CHECK(io.splice_in(client.second.get(), pipe.write.get(), 64 * 1024).bytes == 7);
  CHECK(io.splice_out(pipe.read.get(), backend.first.get(), 14).bytes == 14);
  CHECK(receive_text(backend.second.get(), 14) == "header payload");

  tcp_info sender{};
  socklen_t size = sizeof sender;
  REQUIRE(::getsockopt(backend.first.get(), IPPROTO_TCP, TCP_INFO, &sender, &size) == 0);
  CHECK(sender.tcpi_data_segs_out == 1);
}

TEST_CASE("probe P15: SSIZE_MAX is the largest length splice takes", "[probe]") {
  const fd_baseline descriptors;
  sluice::sys::kernel_stream_io io;
  const socket_pair pair = tcp_pair();
  const pipe_pair pipe = make_pipe(0);
  send_all(pair.first.get(), "abc");
  wait_unread(pair.second.get(), 3);
  const io_result refused = io.splice_in(pair.second.get(), pipe.write.get(), SIZE_MAX);
  CHECK(refused.what == kind::failed);
  CHECK(refused.error == EINVAL);
  CHECK(io.splice_in(pair.second.get(), pipe.write.get(), SSIZE_MAX).bytes == 3);
}

TEST_CASE("probe P16: unix sockets splice in and out, and their end of file is 0", "[probe]") {
  const fd_baseline descriptors;
  sluice::sys::kernel_stream_io io;
  socket_pair client = unix_pair();
  const socket_pair backend = unix_pair();
  const pipe_pair pipe = make_pipe(0);
  send_all(client.first.get(), "hello");
  CHECK(io.splice_in(client.second.get(), pipe.write.get(), 64 * 1024).bytes == 5);
  CHECK(io.splice_out(pipe.read.get(), backend.first.get(), 5).bytes == 5);
  CHECK(receive_text(backend.second.get(), 5) == "hello");
  CHECK(io.splice_in(client.second.get(), pipe.write.get(), 64 * 1024).what == kind::would_block);
  client.first.reset();
  CHECK(io.splice_in(client.second.get(), pipe.write.get(), 64 * 1024).what == kind::eof);
}

TEST_CASE("probe: a splice of no bytes answers 0, which is no end of file", "[probe]") {
  const socket_pair pair = tcp_pair();
  const pipe_pair pipe = make_pipe(0);
  CHECK(::splice(pair.second.get(), nullptr, pipe.write.get(), nullptr, 0, SPLICE_F_NONBLOCK) == 0);
}
