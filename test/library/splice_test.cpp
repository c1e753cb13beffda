#include "sluice/splice.hpp"

#include <signal.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "support/byte_stream.hpp"
#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"
#include "support/wait.hpp"

namespace sluice::zero_copy::testing {

using kind = move_result::kind;

namespace {

using connect = support::socket_pair (*)(support::io_mode);

/// A peer that is gone: the second write to it says so.
support::socket_pair pair_without_peer() {
  support::socket_pair pair = support::unix_pair();
  pair.second.reset();
  return pair;
}

bool sigpipe_is_pending() {
  sigset_t pending;
  return ::sigpending(&pending) == 0 && ::sigismember(&pending, SIGPIPE) == 1;
}

}  // namespace

TEST_CASE("library splice: a fill and its drain bring every byte, over TCP and unix sockets", "[library][splice]") {
  const support::fd_baseline descriptors;
  for (const connect make : {connect{support::tcp_pair}, connect{support::unix_pair}}) {
    const support::socket_pair in = make(support::io_mode::non_blocking);
    const support::socket_pair out = make(support::io_mode::non_blocking);
    pipe between(256 * 1024);
    const support::byte_stream stream(1);
    std::uint64_t sent = 0;
    std::uint64_t got = 0;
    for (const std::size_t n : {1U, 100U, 4'096U, 60'000U}) {
      support::send_all(in.first.get(), stream.bytes(sent, n));
      sent += n;
      support::wait_unread(in.second.get(), 1);
      while (got < sent) {
        const move_result filled = splice(in.second.get(), between);
        if (filled.what == kind::would_block) {
          REQUIRE(support::wait_readable(in.second.get()));
          continue;
        }
        REQUIRE(filled);
        CHECK(between.bytes() == filled.bytes);
        while (between.bytes() > 0) REQUIRE(splice(between, out.first.get()));
        const auto bytes = support::receive_exactly(out.second.get(), filled.bytes);
        CHECK(stream.matching(got, bytes) == filled.bytes);
        got += filled.bytes;
      }
    }
  }
}

TEST_CASE("library splice: nothing now, the end and a mistake are told apart", "[library][splice]") {
  support::socket_pair pair = support::tcp_pair();
  pipe between(0);
  CHECK(splice(pair.second.get(), between).what == kind::would_block);
  support::send_all(pair.first.get(), "last");
  pair.first.reset();
  support::wait_unread(pair.second.get(), 4);
  CHECK(splice(pair.second.get(), between, 3).bytes == 3);
  CHECK(splice(pair.second.get(), between).error == std::errc::device_or_resource_busy);
  std::byte room[4];
  CHECK(read(between, room).bytes == 3);
  CHECK(splice(pair.second.get(), between).bytes == 1);
  CHECK(read(between, room).bytes == 1);
  REQUIRE(support::wait_readable(pair.second.get()));
  CHECK(splice(pair.second.get(), between).what == kind::end_of_file);

  CHECK(splice(-1, between).error == std::errc::bad_file_descriptor);
  pipe none;
  CHECK(splice(pair.second.get(), none).error == std::errc::bad_file_descriptor);
  CHECK(splice(none, pair.second.get()).error == std::errc::bad_file_descriptor);
  CHECK(splice(between, pair.second.get()).what == kind::would_block);
}

TEST_CASE("library splice: a full sink takes a part, and the rest stays counted", "[library][splice]") {
  const support::socket_pair out = support::unix_pair();
  support::send_until_full(out.first.get());
  pipe between(0);
  const std::vector<std::byte> some(1'000);
  REQUIRE(write(between, some));
  CHECK(splice(between, out.first.get()).what == kind::would_block);
  CHECK(between.bytes() == some.size());
}

TEST_CASE("library splice: a peer that is gone is an error; no SIGPIPE kills or stays", "[library][splice]") {
  // SIGPIPE has its default action here, which is to kill this program.
  struct sigaction before {};
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  REQUIRE(::sigaction(SIGPIPE, &usual, &before) == 0);
  const support::socket_pair pair = pair_without_peer();
  pipe between(0);
  REQUIRE(write(between, std::as_bytes(std::span("lost"))));
  for (int i = 0; i < 3; ++i) CHECK(splice(between, pair.first.get()).error == std::errc::broken_pipe);
  CHECK(between.bytes() == 5);
  CHECK_FALSE(sigpipe_is_pending());
  REQUIRE(::sigaction(SIGPIPE, &before, nullptr) == 0);
}

TEST_CASE("library tee: the bytes are in both pipes, once", "[library][splice]") {
  const support::fd_baseline descriptors;
  const support::socket_pair in = support::tcp_pair();
  const support::socket_pair out = support::tcp_pair();
  const support::socket_pair shadow = support::tcp_pair();
  pipe first(0);
  pipe second(0);
  CHECK(tee(first, second).what == kind::would_block);
  support::send_all(in.first.get(), "to both of you");
  support::wait_unread(in.second.get(), 14);
  REQUIRE(splice(in.second.get(), first).bytes == 14);
  REQUIRE(tee(first, second).bytes == 14);
  CHECK(first.bytes() == 14);
  CHECK(second.bytes() == 14);
  CHECK(tee(first, second).error == std::errc::device_or_resource_busy);
  REQUIRE(splice(first, out.first.get()).bytes == 14);
  REQUIRE(splice(second, shadow.first.get()).bytes == 14);
  CHECK(support::receive_text(out.second.get(), 14) == "to both of you");
  CHECK(support::receive_text(shadow.second.get(), 14) == "to both of you");
}

TEST_CASE("library tee: fewer slots take fewer bytes", "[library][splice]") {
  pipe large(256 * 1024);
  pipe small(64 * 1024);
  REQUIRE(write(large, std::vector<std::byte>(200 * 1024)).bytes == 200 * 1024);
  CHECK(tee(large, small).bytes == 64 * 1024);
  CHECK(small.bytes() == 64 * 1024);
  CHECK(large.bytes() == 200 * 1024);
  pipe none;
  CHECK(tee(large, none).error == std::errc::bad_file_descriptor);
}

}  // namespace sluice::zero_copy::testing
