#include <sys/socket.h>

#include <stdexcept>
#include <system_error>
#include <thread>

#include "support/byte_stream.hpp"
#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"
#include "sys/socket.hpp"

using namespace sluice::support;
using sluice::sys::unique_fd;
using std::chrono::milliseconds;

TEST_CASE("byte stream: every way of asking gives the same bytes", "[support]") {
  const byte_stream stream(7);
  const auto position = GENERATE(0U, 1U, 7U, 8U, 4095U);
  const auto whole = stream.bytes(position, 5'000);
  for (std::size_t i = 0; i < whole.size(); i += 37) CHECK(whole[i] == stream.at(position + i));
  CHECK(stream.matching(position, whole) == whole.size());
  CHECK(byte_stream(8).matching(position, whole) < 4);
}

TEST_CASE("byte stream: a checker names the first byte that is wrong", "[support]") {
  const byte_stream stream(7);
  stream_checker checker(7);
  CHECK(checker.take(stream.bytes(0, 10'000)));
  CHECK(checker.take(stream.bytes(10'000, 1)));
  CHECK(checker.position() == 10'001);

  auto wrong = stream.bytes(10'001, 6'000);
  SECTION("a flipped bit") { wrong[5'000] ^= std::byte{1}; }
  SECTION("a lost byte") { wrong.erase(wrong.begin() + 5'000); }
  CHECK_FALSE(checker.take(wrong));
  CHECK(checker.position() >= 15'001);
  CHECK(checker.position() < 15'010);
  CHECK_FALSE(checker.intact());
}

TEST_CASE("loopback: a pair carries bytes both ways, in either mode", "[support]") {
  const fd_baseline descriptors;
  const io_mode mode = GENERATE(io_mode::non_blocking, io_mode::blocking);
  const bool over_tcp = GENERATE(true, false);
  const socket_pair pair = over_tcp ? tcp_pair(mode) : unix_pair(mode);
  const auto sent = byte_stream(1).bytes(0, 3'000'000);
  std::thread sender([&] {
    send_all(pair.first.get(), sent);
    ::shutdown(pair.first.get(), SHUT_WR);
  });
  CHECK(receive_until_eof(pair.second.get()) == sent);
  sender.join();
  send_all(pair.second.get(), "back");
  CHECK(receive_text(pair.first.get(), 4) == "back");
}

TEST_CASE("loopback: an early end of file, a reset and a silent peer are thrown", "[support]") {
  socket_pair pair = tcp_pair();
  CHECK_THROWS_AS(receive_exactly(pair.second.get(), 1, milliseconds(5)), std::runtime_error);
  send_all(pair.first.get(), "abc");
  SECTION("end of file") {
    pair.first.reset();
    CHECK_THROWS_AS(receive_exactly(pair.second.get(), 4), std::runtime_error);
  }
  SECTION("reset") {
    reset(std::move(pair.first));
    CHECK_THROWS_AS(receive_exactly(pair.second.get(), 4), std::system_error);
  }
}

TEST_CASE("loopback: a closed port refuses", "[support]") {
  const listening_socket nobody = closed_port();
  CHECK_THROWS_AS(connect_to(nobody.address), std::system_error);
}

TEST_CASE("fd count: sees what is opened, and what a child inherits", "[support]") {
  const fd_baseline descriptors;
  const std::size_t before = fd_count();
  const std::size_t before_exec = fd_count_after_exec();
  const socket_pair pair = unix_pair();
  const unique_fd inherited(::dup(pair.first.get()));
  CHECK(fd_count() == before + 3);
  CHECK(fd_count_after_exec() == before_exec + 1);
}
