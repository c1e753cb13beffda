#include "sys/pipe.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "support/catch.hpp"
#include "support/fd_count.hpp"

using namespace sluice::support;
using sluice::sys::make_pipe;
using sluice::sys::page_size;
using sluice::sys::pipe_bytes;
using sluice::sys::pipe_pair;
using sluice::sys::unique_fd;

TEST_CASE("pipe: both ends are non-blocking and close-on-exec", "[sys][pipe]") {
  const fd_baseline descriptors;
  const std::size_t inherited = fd_count_after_exec();
  const pipe_pair pipe = make_pipe(0);
  REQUIRE(pipe);
  CHECK(pipe.error == 0);
  for (const int fd : {pipe.read.get(), pipe.write.get()}) {
    CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK(fd_count_after_exec() == inherited);
}

TEST_CASE("pipe: the size that was granted is read back", "[sys][pipe]") {
  CHECK(make_pipe(0).slots == 16);
  CHECK(make_pipe(64 * 1024).slots * page_size() == 64 * 1024);
  CHECK(make_pipe(256 * 1024).slots * page_size() == 256 * 1024);
  INFO("sizes are rounded up to a power of two of pages");
  CHECK(make_pipe(100 * 1024).slots * page_size() == 128 * 1024);
}

TEST_CASE("pipe: a size that is refused leaves a pipe of the default size", "[sys][pipe]") {
  const fd_baseline descriptors;
  const pipe_pair pipe = make_pipe(std::size_t{1} << 31);  // EINVAL, for root too
  REQUIRE(pipe);
  CHECK(pipe.slots == 16);
}

TEST_CASE("pipe: bytes waiting are told", "[sys][pipe]") {
  const pipe_pair pipe = make_pipe(0);
  CHECK(pipe_bytes(pipe.read.get()) == 0);
  REQUIRE(::write(pipe.write.get(), "abcde", 5) == 5);
  CHECK(pipe_bytes(pipe.read.get()) == 5);
  CHECK(pipe_bytes(-1) == -1);
}

TEST_CASE("pipe: without descriptors there is an error and no pipe", "[sys][pipe]") {
  const fd_baseline descriptors;
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const unique_fd lowest_free(::dup(0));
  const rlimit one_left{static_cast<rlim_t>(lowest_free.get()) + 2, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &one_left) == 0);
  const pipe_pair pipe = make_pipe(0);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK_FALSE(pipe);
  CHECK(pipe.error == EMFILE);
  CHECK(pipe.slots == 0);
}

TEST_CASE("pipe: the limits are those of /proc", "[sys][pipe]") {
  const sluice::sys::pipe_limits limits = sluice::sys::read_pipe_limits();
  std::size_t max_bytes = 0;
  std::size_t user_pages = 0;
  std::ifstream("/proc/sys/fs/pipe-max-size") >> max_bytes;
  std::ifstream("/proc/sys/fs/pipe-user-pages-soft") >> user_pages;
  CHECK(limits.max_bytes == max_bytes);
  CHECK(limits.user_pages_soft == user_pages);
}

TEST_CASE("unique_fd: closes once, gives up and takes over", "[sys][unique_fd]") {
  const fd_baseline descriptors;
  unique_fd owner(::dup(0));
  const int number = owner.get();
  unique_fd taker(std::move(owner));
  CHECK_FALSE(owner);  // NOLINT(bugprone-use-after-move): moved from is empty
  CHECK(taker.get() == number);
  unique_fd& itself = taker;
  taker = std::move(itself);
  CHECK(taker.get() == number);
  CHECK(::fcntl(number, F_GETFD) >= 0);

  const int released = taker.release();
  CHECK_FALSE(taker);
  CHECK(::fcntl(released, F_GETFD) >= 0);
  taker.reset(released);
  taker.reset();
  CHECK(::fcntl(number, F_GETFD) == -1);
}
