#include "sys/socket_loan.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>

#include "support/catch.hpp"
#include "support/loopback.hpp"

using namespace sluice;

namespace {

bool blocks(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0; }

bool oob_is_inline(int fd) {
  int value = 0;
  socklen_t size = sizeof value;
  REQUIRE(::getsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &value, &size) == 0);
  return value != 0;
}

}  // namespace

TEST_CASE("socket loan: what it changed is put back, what was so already is left", "[sys][loan]") {
  for (const auto mode : {support::io_mode::blocking, support::io_mode::non_blocking}) {
    for (const int oob : {0, 1}) {
      CAPTURE(static_cast<int>(mode), oob);
      const support::socket_pair pair = support::tcp_pair(mode);
      const int fd = pair.first.get();
      REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &oob, sizeof oob) == 0);
      {
        const sys::socket_loan loan(fd);
        CHECK(loan.error() == 0);
        CHECK(loan.is_tcp());
        CHECK_FALSE(blocks(fd));
        CHECK(oob_is_inline(fd));
      }
      CHECK(blocks(fd) == (mode == support::io_mode::blocking));
      CHECK(oob_is_inline(fd) == (oob == 1));
    }
  }
}

TEST_CASE("socket loan: kept, nothing is put back", "[sys][loan]") {
  const support::socket_pair pair = support::unix_pair(support::io_mode::blocking);
  {
    sys::socket_loan loan(pair.first.get());
    CHECK_FALSE(loan.is_tcp());
    loan.keep();
  }
  CHECK_FALSE(blocks(pair.first.get()));
}

TEST_CASE("socket loan: what is no connected stream socket is named by errno and not touched", "[sys][loan]") {
  CHECK(sys::socket_loan(-1).error() == EBADF);
  const support::listening_socket listener = support::listen_tcp();
  CHECK(sys::socket_loan(listener.fd.get()).error() == ENOTCONN);
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
  const sys::unique_fd first(ends[0]);
  const sys::unique_fd second(ends[1]);
  CHECK(sys::socket_loan(first.get()).error() == EPROTOTYPE);
  CHECK(blocks(first.get()));
  const sys::unique_fd file(::open("/dev/null", O_RDWR | O_CLOEXEC));
  CHECK(sys::socket_loan(file.get()).error() == ENOTSOCK);
}
