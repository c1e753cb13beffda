#include "sluice/pipe.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "sys/pipe.hpp"

namespace sluice::zero_copy::testing {

using kind = move_result::kind;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// No descriptor can be opened while it lives.
class no_descriptors {
 public:
  no_descriptors() {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const rlimit none{0, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  no_descriptors(const no_descriptors&) = delete;
  no_descriptors& operator=(const no_descriptors&) = delete;

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("library pipe: what the kernel granted is read back, whatever was wished", "[library][pipe]") {
  const sluice::support::fd_baseline descriptors;
  const pipe usual(0);
  REQUIRE(usual);
  CHECK(usual.size_bytes() == static_cast<std::size_t>(::fcntl(usual.read_end(), F_GETPIPE_SZ)));
  CHECK(usual.slots() == usual.size_bytes() / sluice::sys::page_size());

  const pipe large(256 * 1024);
  REQUIRE(large);
  CHECK(large.size_bytes() == 256 * 1024);

  // More than anybody gets: the kernel refuses, and the pipe stays as it was made.
  const pipe greedy(std::size_t{1} << 31U);
  REQUIRE(greedy);
  CHECK(greedy.size_bytes() == usual.size_bytes());
}

TEST_CASE("library pipe: both ends are non-blocking and closed in programs that are executed", "[library][pipe]") {
  const pipe one(0);
  for (const int end : {one.read_end(), one.write_end()}) {
    CHECK((::fcntl(end, F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(end, F_GETFD) & FD_CLOEXEC) != 0);
  }
}

TEST_CASE("library pipe: moving it moves its descriptors and its bytes", "[library][pipe]") {
  const sluice::support::fd_baseline descriptors;
  pipe first(0);
  REQUIRE(write(first, bytes_of("header")));
  const int read_end = first.read_end();
  pipe second(std::move(first));
  CHECK(second.read_end() == read_end);
  CHECK(second.bytes() == 6);
  pipe third(0);
  third = std::move(second);
  CHECK(third.read_end() == read_end);
  CHECK(third.bytes() == 6);
}

TEST_CASE("library pipe: read and write keep the count, and only an empty pipe is written", "[library][pipe]") {
  pipe one(0);
  std::array<std::byte, 16> room{};
  CHECK(read(one, room).what == kind::would_block);
  const move_result written = write(one, bytes_of("header"));
  CHECK(written.bytes == 6);
  CHECK(one.bytes() == 6);
  CHECK(write(one, bytes_of("more")).error == std::errc::device_or_resource_busy);
  const move_result first = read(one, std::span(room).first(4));
  CHECK(first.bytes == 4);
  CHECK(std::memcmp(room.data(), "head", 4) == 0);
  CHECK(one.bytes() == 2);
  CHECK(read(one, room).bytes == 2);
  CHECK(one.bytes() == 0);

  // More than it holds: the count says how much it took.
  const std::vector<std::byte> much(one.size_bytes() + 1);
  CHECK(write(one, much).bytes == one.size_bytes());
  CHECK(one.bytes() == one.size_bytes());
}

TEST_CASE("library pipe: no pipe to be had is an error, not a pipe", "[library][pipe]") {
  pipe none;
  {
    const no_descriptors limit;
    none = pipe(0);
  }
  CHECK_FALSE(none);
  CHECK(none.error() == std::errc::too_many_files_open);
  CHECK(none.read_end() == -1);
  CHECK(none.size_bytes() == 0);
  std::array<std::byte, 16> room{};
  CHECK(read(none, room).error == std::errc::bad_file_descriptor);
  CHECK(write(none, room).error == std::errc::bad_file_descriptor);
}

}  // namespace sluice::zero_copy::testing
