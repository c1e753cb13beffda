#include "sys/socket.hpp"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <thread>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"
#include "support/signal_storm.hpp"

using namespace sluice::support;
using sluice::sys::apply_options;
using sluice::sys::fd_result;
using sluice::sys::make_socket;
using sluice::sys::side_options;
using sluice::sys::socket_address;
using sluice::sys::unique_fd;

namespace {

int option_of(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  REQUIRE(::getsockopt(fd, level, name, &value, &size) == 0);
  return value;
}

int error_of(int fd) { return option_of(fd, SOL_SOCKET, SO_ERROR); }

bool is_nonblocking_and_private(int fd) {
  return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 && (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

}  // namespace

TEST_CASE("socket: made and accepted sockets are non-blocking and close-on-exec", "[sys][socket]") {
  const fd_baseline descriptors;
  const std::size_t inherited = fd_count_after_exec();
  const bool over_tcp = GENERATE(true, false);
  const listening_socket listener = over_tcp ? listen_tcp() : listen_unix();
  const fd_result client = make_socket(listener.address.family());
  REQUIRE(client);
  const int error = sluice::sys::connect(client.fd.get(), listener.address);
  CHECK((error == 0 || error == EINPROGRESS));
  REQUIRE(wait_readable(listener.fd.get()));
  socket_address peer;
  const fd_result taken = sluice::sys::accept(listener.fd.get(), peer);
  REQUIRE(taken);
  CHECK(taken.error == 0);
  CHECK(peer.family() == listener.address.family());
  if (over_tcp) CHECK(peer == sluice::sys::local_address(client.fd.get()));
  CHECK(sluice::sys::peer_address(client.fd.get()) == listener.address);
  CHECK(sluice::sys::local_address(taken.fd.get()) == listener.address);
  for (const int fd : {listener.fd.get(), client.fd.get(), taken.fd.get()}) CHECK(is_nonblocking_and_private(fd));
  CHECK(fd_count_after_exec() == inherited);
}

TEST_CASE("socket: accept says why nobody came", "[sys][socket]") {
  const fd_baseline descriptors;
  socket_address peer;
  SECTION("nobody waits") { CHECK(sluice::sys::accept(listen_tcp().fd.get(), peer).error == EAGAIN); }
  SECTION("no such descriptor") { CHECK(sluice::sys::accept(-1, peer).error == EBADF); }
  SECTION("not a socket") { CHECK(sluice::sys::accept(unique_fd(::dup(0)).get(), peer).error == ENOTSOCK); }
  SECTION("not a listener") { CHECK(sluice::sys::accept(make_socket(AF_INET).fd.get(), peer).error == EINVAL); }
  CHECK(peer.family() == AF_UNSPEC);
}

TEST_CASE("socket: without descriptors accept says EMFILE and the client keeps its place", "[sys][socket]") {
  const fd_baseline descriptors;
  const listening_socket listener = listen_tcp();
  const unique_fd client = connect_to(listener.address);
  REQUIRE(wait_readable(listener.fd.get()));
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none_left{1, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none_left) == 0);
  socket_address peer;
  const int error = sluice::sys::accept(listener.fd.get(), peer).error;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(error == EMFILE);
  CHECK(sluice::sys::accept(listener.fd.get(), peer));
}

TEST_CASE("socket: an accept that signals interrupt goes on", "[sys][socket]") {
  const fd_baseline descriptors;
  const listening_socket listener = listen_tcp();
  set_blocking(listener.fd.get(), io_mode::blocking);
  unique_fd client;
  const signal_storm storm(std::chrono::microseconds(200));
  std::thread late;
  {
    const storm_shelter shelter;
    late = std::thread([&] {
      wait_until([&] { return storm.signals() >= 5; });
      client = connect_to(listener.address);
    });
  }
  socket_address peer;
  const fd_result taken = sluice::sys::accept(listener.fd.get(), peer);
  late.join();
  CHECK(taken);
  CHECK(taken.error == 0);
}

TEST_CASE("socket: connect tells a refusal, at once or by SO_ERROR", "[sys][socket]") {
  const fd_baseline descriptors;
  const listening_socket nobody = closed_port();
  const fd_result client = make_socket(AF_INET);
  int error = sluice::sys::connect(client.fd.get(), nobody.address);
  if (error == EINPROGRESS) {
    REQUIRE(wait_writable(client.fd.get()));
    error = error_of(client.fd.get());
  }
  CHECK(error == ECONNREFUSED);
  const auto no_such = *socket_address::from_unix_abstract("sluice-test-nobody-listens");
  CHECK(sluice::sys::connect(make_socket(AF_UNIX).fd.get(), no_such) == ECONNREFUSED);
}

TEST_CASE("socket: an address that is taken cannot be bound", "[sys][socket]") {
  const fd_baseline descriptors;
  const listening_socket listener = GENERATE(false, true) ? listen_tcp() : listen_unix();
  CHECK(sluice::sys::bind(make_socket(listener.address.family()).fd.get(), listener.address) == EADDRINUSE);
}

TEST_CASE("socket: a loopback socket can connect to itself, which shows in its addresses", "[sys][socket]") {
  const listening_socket self = closed_port();
  const int error = sluice::sys::connect(self.fd.get(), self.address);
  CHECK((error == 0 || error == EINPROGRESS));
  REQUIRE(wait_writable(self.fd.get()));
  CHECK(sluice::sys::local_address(self.fd.get()) == sluice::sys::peer_address(self.fd.get()));
}

TEST_CASE("socket: addresses of what is no socket are none", "[sys][socket]") {
  CHECK(sluice::sys::local_address(-1).family() == AF_UNSPEC);
  CHECK(sluice::sys::peer_address(make_socket(AF_INET).fd.get()).family() == AF_UNSPEC);
}

TEST_CASE("socket: side options are set, and inherited by accepted sockets", "[sys][socket]") {
  const fd_baseline descriptors;
  side_options options;
  options.nodelay = true;
  options.keepalive = std::chrono::seconds(40);
  options.keepalive_interval = std::chrono::seconds(10);
  options.keepalive_count = 7;
  options.user_timeout = std::chrono::milliseconds(12'345);
  options.notsent_lowat = 128 * 1024;
  const listening_socket listener = listen_tcp(GENERATE(AF_INET, AF_INET6));
  REQUIRE(apply_options(listener.fd.get(), listener.address.family(), options) == 0);
  const unique_fd client = connect_to(listener.address);
  REQUIRE(wait_readable(listener.fd.get()));
  socket_address peer;
  const fd_result taken = sluice::sys::accept(listener.fd.get(), peer);
  REQUIRE(taken);

  for (const int fd : {listener.fd.get(), taken.fd.get()}) {
    CHECK(option_of(fd, IPPROTO_TCP, TCP_NODELAY) == 1);
    CHECK(option_of(fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
    CHECK(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 40);
    CHECK(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL) == 10);
    CHECK(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT) == 7);
    CHECK(option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) == 12'345);
    CHECK(option_of(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT) == 128 * 1024);
  }
}

TEST_CASE("socket: options that are off leave the kernel's defaults", "[sys][socket]") {
  side_options options;
  options.nodelay = false;
  const fd_result plain = make_socket(AF_INET);
  const int lowat = option_of(plain.fd.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT);
  REQUIRE(apply_options(plain.fd.get(), AF_INET, options) == 0);
  CHECK(option_of(plain.fd.get(), IPPROTO_TCP, TCP_NODELAY) == 0);
  CHECK(option_of(plain.fd.get(), SOL_SOCKET, SO_KEEPALIVE) == 0);
  CHECK(option_of(plain.fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT) == 0);
  CHECK(option_of(plain.fd.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT) == lowat);
}

TEST_CASE("socket: lasting options are keepalive and user timeout alone", "[sys][socket]") {
  side_options options;
  options.keepalive = std::chrono::seconds(40);
  options.user_timeout = std::chrono::milliseconds(12'345);
  options.notsent_lowat = 128 * 1024;
  const fd_result socket = make_socket(AF_INET);
  REQUIRE(sluice::sys::apply_lasting_options(socket.fd.get(), options) == 0);
  CHECK(option_of(socket.fd.get(), SOL_SOCKET, SO_KEEPALIVE) == 1);
  CHECK(option_of(socket.fd.get(), IPPROTO_TCP, TCP_KEEPIDLE) == 40);
  CHECK(option_of(socket.fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT) == 12'345);
  CHECK(option_of(socket.fd.get(), IPPROTO_TCP, TCP_NODELAY) == 0);
  CHECK(option_of(socket.fd.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT) != 128 * 1024);
  CHECK(sluice::sys::apply_lasting_options(-1, options) == EBADF);
}

TEST_CASE("socket: keepalive values beyond the kernel's limits are cut", "[sys][socket]") {
  const fd_result socket = make_socket(AF_INET);
  side_options options;
  options.keepalive = std::chrono::seconds(100'000);
  CHECK(apply_options(socket.fd.get(), AF_INET, options) == 0);
  CHECK(option_of(socket.fd.get(), IPPROTO_TCP, TCP_KEEPIDLE) == 32'767);
  CHECK(option_of(socket.fd.get(), IPPROTO_TCP, TCP_KEEPINTVL) == 15);
  CHECK(option_of(socket.fd.get(), IPPROTO_TCP, TCP_KEEPCNT) == 4);
  options.keepalive_interval = std::chrono::seconds(100'000);
  options.keepalive_count = 1'000;
  CHECK(apply_options(socket.fd.get(), AF_INET, options) == 0);
  CHECK(option_of(socket.fd.get(), IPPROTO_TCP, TCP_KEEPINTVL) == 32'767);
  CHECK(option_of(socket.fd.get(), IPPROTO_TCP, TCP_KEEPCNT) == 127);
  options.keepalive_interval = std::chrono::seconds(0);
  options.keepalive_count = 0;
  CHECK(apply_options(socket.fd.get(), AF_INET, options) == 0);
  CHECK(option_of(socket.fd.get(), IPPROTO_TCP, TCP_KEEPINTVL) == 1);
  CHECK(option_of(socket.fd.get(), IPPROTO_TCP, TCP_KEEPCNT) == 1);
}

TEST_CASE("socket: unix sockets take no TCP option, bad descriptors say so", "[sys][socket]") {
  side_options options;
  options.keepalive = std::chrono::seconds(40);
  CHECK(apply_options(make_socket(AF_UNIX).fd.get(), AF_UNIX, options) == 0);
  CHECK(apply_options(-1, AF_INET, options) == EBADF);
  CHECK(sluice::sys::set_option(-1, SOL_SOCKET, SO_KEEPALIVE, 1) == EBADF);
}

TEST_CASE("socket: unread and unacknowledged bytes are told", "[sys][socket]") {
  const socket_pair pair = tcp_pair();
  CHECK(sluice::sys::unread_bytes(pair.second.get()) == 0);
  CHECK(sluice::sys::unacknowledged_bytes(pair.first.get()) == 0);
  send_all(pair.first.get(), "12345");
  wait_unread(pair.second.get(), 5);
  CHECK(sluice::sys::unread_bytes(pair.second.get()) == 5);
  send_until_full(pair.first.get());
  CHECK(sluice::sys::unacknowledged_bytes(pair.first.get()) > 0);
  CHECK(sluice::sys::unread_bytes(-1) == -1);
  CHECK(sluice::sys::unacknowledged_bytes(-1) == -1);
}

TEST_CASE("socket: reset_on_close makes close a reset", "[sys][socket]") {
  socket_pair pair = tcp_pair();
  sluice::sys::reset_on_close(pair.first.get());
  pair.first.reset();
  REQUIRE(wait_readable(pair.second.get()));
  CHECK(error_of(pair.second.get()) == ECONNRESET);
}

TEST_CASE("socket: the range of local ports is that of /proc", "[sys][socket]") {
  unsigned first = 0;
  unsigned last = 0;
  std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> first >> last;
  const sluice::sys::local_ports ports = sluice::sys::read_local_ports();
  CHECK(ports.first == first);
  CHECK(ports.last == last);
}
