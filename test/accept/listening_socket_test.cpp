#include "accept/listening_socket.hpp"

#include <grp.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "accept/directory_lock.hpp"
#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/temporary_directory.hpp"

using namespace sluice;
using namespace sluice::accept;
namespace fs = std::filesystem;
namespace support = sluice::support;

namespace {

listen_spec at(sys::socket_address address) {
  listen_spec spec;
  spec.address = address;
  return spec;
}

listen_spec at_loopback(std::uint16_t port = 0) { return at(*sys::socket_address::from_literal("127.0.0.1", port)); }
listen_spec at_path(const std::string& path) { return at(*sys::socket_address::from_unix_path(path)); }

int option_of(int fd, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, level, name, &value, &size) == 0 ? value : -1;
}

struct stat status_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status;
}

void check_in_use(const listen_spec& spec) {
  const listening_socket opened = open_listening_socket(spec);
  CHECK_FALSE(opened);
  CHECK(opened.error == EADDRINUSE);
  CHECK(opened.failed_step == "bind");
}

/// A socket file that its owner left behind.
void leave_stale(const std::string& path, int type = SOCK_STREAM) {
  const sys::unique_fd left(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  REQUIRE(sys::bind(left.get(), *sys::socket_address::from_unix_path(path)) == 0);
}

}  // namespace

TEST_CASE("listening_socket: port 0 becomes the port that the kernel chose", "[accept][listening_socket]") {
  const support::fd_baseline baseline;
  const listening_socket opened = open_listening_socket(at_loopback());
  REQUIRE(opened);
  CHECK(opened.address.port() != 0);
  CHECK(opened.address == sys::local_address(opened.fd.get()));
  const sys::unique_fd client = support::connect_to(opened.address);
  CHECK(support::accept_from(opened.fd.get()));
}

TEST_CASE("listening_socket: accepted sockets inherit the options", "[accept][listening_socket]") {
  listen_spec spec = at_loopback();
  spec.options.keepalive = std::chrono::seconds(77);
  spec.options.user_timeout = std::chrono::milliseconds(5'000);
  spec.options.notsent_lowat = 65'536;
  const listening_socket opened = open_listening_socket(spec);
  REQUIRE(opened);
  const sys::unique_fd client = support::connect_to(opened.address);
  REQUIRE(support::wait_readable(opened.fd.get()));
  sys::socket_address peer;
  const sys::fd_result taken = sys::accept(opened.fd.get(), peer);
  REQUIRE(taken);
  CHECK(option_of(taken.fd.get(), IPPROTO_TCP, TCP_NODELAY) == 1);
  CHECK(option_of(taken.fd.get(), SOL_SOCKET, SO_KEEPALIVE) == 1);
  CHECK(option_of(taken.fd.get(), IPPROTO_TCP, TCP_KEEPIDLE) == 77);
  CHECK(option_of(taken.fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT) == 5'000);
  CHECK(option_of(taken.fd.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT) == 65'536);
}

TEST_CASE("listening_socket: a dual-stack wildcard takes IPv4 and IPv6", "[accept][listening_socket]") {
  const support::fd_baseline baseline;
  listen_spec spec = at(sys::socket_address::any_ipv6(0));
  spec.dual_stack = true;
  const listening_socket opened = open_listening_socket(spec);
  REQUIRE(opened);
  const std::uint16_t port = opened.address.port();
  const sys::unique_fd four = support::connect_to(*sys::socket_address::from_literal("127.0.0.1", port));
  CHECK(support::accept_from(opened.fd.get()));
  if (opened.address.family() != AF_INET6) {
    WARN("IPv6 is off here");
    return;
  }
  const sys::unique_fd six = support::connect_to(*sys::socket_address::from_literal("::1", port));
  CHECK(support::accept_from(opened.fd.get()));
}

TEST_CASE("listening_socket: an IPv6 wildcard that was asked for as such leaves IPv4 alone",
          "[accept][listening_socket]") {
  // A port that is free in both families: one that the kernel picks for IPv6 may be an IPv4 client's.
  const listening_socket six = open_listening_socket(at(sys::socket_address::any_ipv6(support::free_ports())));
  if (!six && six.error == EAFNOSUPPORT) {
    WARN("IPv6 is off here");
    return;
  }
  REQUIRE(six);
  CHECK(option_of(six.fd.get(), IPPROTO_IPV6, IPV6_V6ONLY) == 1);
  CHECK(open_listening_socket(at(sys::socket_address::any_ipv4(six.address.port()))));
}

TEST_CASE("listening_socket: an address in use is refused", "[accept][listening_socket]") {
  const support::fd_baseline baseline;
  const listening_socket first = open_listening_socket(at_loopback());
  REQUIRE(first);
  const std::uint16_t port = first.address.port();
  check_in_use(at_loopback(port));
  check_in_use(at(sys::socket_address::any_ipv4(port)));
}

TEST_CASE("listening_socket: an address that this machine does not have fails at bind", "[accept][listening_socket]") {
  const listening_socket opened = open_listening_socket(at(*sys::socket_address::from_literal("192.0.2.1", 0)));
  CHECK_FALSE(opened);
  CHECK(opened.error == EADDRNOTAVAIL);
  CHECK(opened.failed_step == "bind");
}

TEST_CASE("listening_socket: several share an address if they say so, and all get clients",
          "[accept][listening_socket]") {
  const support::fd_baseline baseline;
  listen_spec spec = at_loopback();
  spec.starts_group = true;
  const listening_socket first = open_listening_socket(spec);
  REQUIRE(first);
  spec.address = first.address;
  check_in_use(spec);  // another program that starts on the address
  spec.starts_group = false;
  spec.joins_group = true;
  const listening_socket second = open_listening_socket(spec);
  REQUIRE(second);
  CHECK(second.address == first.address);
  std::vector<sys::unique_fd> clients;
  CHECK(support::wait_until([&] {
    clients.push_back(support::connect_to(first.address));
    return support::is_readable(first.fd.get()) && support::is_readable(second.fd.get());
  }));
}

TEST_CASE("listening_socket: a dual-stack wildcard meets an IPv4 listener", "[accept][listening_socket]") {
  const listening_socket four = open_listening_socket(at_loopback());
  REQUIRE(four);
  listen_spec spec = at(sys::socket_address::any_ipv6(four.address.port()));
  spec.dual_stack = true;
  spec.starts_group = GENERATE(false, true);
  check_in_use(spec);
}

TEST_CASE("listening_socket: connections that outlive their listener do not count", "[accept][listening_socket]") {
  // Held, so that nobody else is given the port between the two; with this option it may be listened on.
  const support::listening_socket held = support::closed_port();
  REQUIRE(sys::set_option(held.fd.get(), SOL_SOCKET, SO_REUSEADDR, 1) == 0);
  listening_socket opened = open_listening_socket(at(held.address));
  REQUIRE(opened);
  const sys::unique_fd client = support::connect_to(opened.address);
  const sys::unique_fd accepted = support::accept_from(opened.fd.get());
  opened.fd.reset();
  CHECK(open_listening_socket(at(held.address)));
}

TEST_CASE("listening_socket: of those who open an address at the same moment one alone gets it",
          "[accept][listening_socket]") {
  const support::fd_baseline baseline;
  const support::temporary_directory folder;
  const std::string kind = GENERATE(as<std::string>(), "an address of one", "a group's address", "a stale path");
  CAPTURE(kind);
  for (int round = 0; round < 300; ++round) {
    listen_spec spec = at_path(folder / "a.sock");
    if (kind == "a stale path") {
      fs::remove(folder / "a.sock");
      leave_stale(folder / "a.sock");
    } else {
      spec = at_loopback(support::free_ports());
      spec.starts_group = kind == "a group's address";
    }
    std::vector<listening_socket> opened(3);
    std::atomic<std::size_t> here{0};
    std::vector<std::thread> threads;
    for (listening_socket& one : opened)
      threads.emplace_back([&] {
        ++here;
        while (here < opened.size()) {
        }
        one = open_listening_socket(spec);
      });
    for (std::thread& one : threads) one.join();
    const auto winners = std::count_if(opened.begin(), opened.end(), [](const auto& one) { return bool(one); });
    REQUIRE(winners == 1);
    for (const listening_socket& one : opened) {
      if (one) {
        CHECK(support::connect_to(spec.address));
        CHECK(support::accept_from(one.fd.get()));
      } else {
        CHECK(one.error == EADDRINUSE);
      }
    }
  }
}

TEST_CASE("directory_lock: who finds the directory locked all the time is told so", "[accept][directory_lock]") {
  const support::fd_baseline baseline;
  const support::temporary_directory folder;
  {
    const directory_lock first(folder / "a.sock");
    CHECK(first.error() == 0);
    const listening_socket opened = open_listening_socket(at_path(folder / "b.sock"));
    CHECK_FALSE(opened);
    CHECK(opened.error == EBUSY);
    CHECK(opened.failed_step == "lock");
  }
  CHECK(directory_lock(folder / "a.sock").error() == 0);
  CHECK(directory_lock("/no/such/directory/a.sock").error() == 0);
  CHECK(fs::is_empty(fs::path(folder / "a.sock").parent_path()));
}

TEST_CASE("listening_socket: a unix path gets mode and owner", "[accept][listening_socket]") {
  const support::fd_baseline baseline;
  const support::temporary_directory folder;
  const std::string path = folder / "a.sock";
  const passwd* self = ::getpwuid(::geteuid());
  const group* own = ::getgrgid(::getegid());
  REQUIRE(self != nullptr);
  REQUIRE(own != nullptr);
  listen_spec spec = at_path(path);
  spec.mode = 0640;
  spec.owner = std::string(self->pw_name) + ':' + own->gr_name;
  const mode_t before = ::umask(0022);
  const listening_socket opened = open_listening_socket(spec);
  CHECK(::umask(before) == 0022);  // the process's own mask is as it was
  REQUIRE(opened);
  const struct stat status = status_of(path);
  CHECK(S_ISSOCK(status.st_mode));
  CHECK((status.st_mode & 07777) == 0640);
  CHECK(status.st_uid == ::geteuid());
  CHECK(status.st_gid == ::getegid());
  CHECK(support::connect_to(opened.address));
}

TEST_CASE("listening_socket: root may give a path away, by user, by number or by group alone",
          "[accept][listening_socket]") {
  if (::geteuid() != 0) return;
  const support::temporary_directory folder;
  const passwd* nobody = ::getpwnam("nobody");
  if (nobody == nullptr) return;
  const uid_t uid = nobody->pw_uid;
  const gid_t gid = nobody->pw_gid;
  const std::string group_name = ::getgrgid(gid)->gr_name;

  listen_spec by_user = at_path(folder / "user.sock");
  by_user.owner = "nobody";
  CHECK(open_listening_socket(by_user));
  CHECK(status_of(folder / "user.sock").st_uid == uid);
  CHECK(status_of(folder / "user.sock").st_gid == ::getegid());

  listen_spec by_number = at_path(folder / "number.sock");
  by_number.owner = "54321:54322";  // that nobody has a name for
  CHECK(open_listening_socket(by_number));
  CHECK(status_of(folder / "number.sock").st_uid == 54321);
  CHECK(status_of(folder / "number.sock").st_gid == 54322);

  listen_spec by_group = at_path(folder / "group.sock");
  by_group.owner = ':' + group_name;
  CHECK(open_listening_socket(by_group));
  CHECK(status_of(folder / "group.sock").st_uid == 0);
  CHECK(status_of(folder / "group.sock").st_gid == gid);
}

TEST_CASE("listening_socket: an unknown owner fails and leaves no file", "[accept][listening_socket]") {
  const support::fd_baseline baseline;
  const support::temporary_directory folder;
  const std::string owner =
      GENERATE(as<std::string>(), "no-such-user-here", ":no-such-group-here", "12monkeys", "4294967295", "-1");
  listen_spec spec = at_path(folder / "a.sock");
  spec.owner = owner;
  const listening_socket opened = open_listening_socket(spec);
  CHECK_FALSE(opened);
  CHECK(opened.failed_step == "owner");
  CHECK(opened.error == ENOENT);
  CHECK_FALSE(fs::exists(folder / "a.sock"));
}

TEST_CASE("listening_socket: a stale socket file is replaced", "[accept][listening_socket]") {
  const support::fd_baseline baseline;
  const support::temporary_directory folder;
  const std::string path = folder / "a.sock";
  leave_stale(path);
  const listening_socket opened = open_listening_socket(at_path(path));
  REQUIRE(opened);
  CHECK(support::connect_to(opened.address));
}

TEST_CASE("listening_socket: a path that somebody answers is refused and goes on answering",
          "[accept][listening_socket]") {
  const support::fd_baseline baseline;
  const support::temporary_directory folder;
  const std::string path = folder / "a.sock";
  listen_spec spec = at_path(path);
  spec.backlog = GENERATE(0, 16);
  const listening_socket first = open_listening_socket(spec);
  REQUIRE(first);
  const sys::unique_fd fills_the_queue = support::connect_to(first.address);
  check_in_use(spec);
  CHECK(support::accept_from(first.fd.get()));
  CHECK(fs::exists(path));
}

TEST_CASE("listening_socket: a file that is no stream socket is never removed", "[accept][listening_socket]") {
  const support::fd_baseline baseline;
  const support::temporary_directory folder;
  const std::string path = folder / "a.sock";
  SECTION("a plain file") {
    std::ofstream(path) << "precious";
    check_in_use(at_path(path));
    CHECK(fs::file_size(path) == 8);
  }
  SECTION("a directory") {
    fs::create_directory(path);
    check_in_use(at_path(path));
    CHECK(fs::is_directory(path));
  }
  SECTION("a symbolic link to a stale socket") {
    leave_stale(folder / "other.sock");
    fs::create_symlink(folder / "other.sock", path);
    check_in_use(at_path(path));
    CHECK(fs::is_symlink(path));
  }
}

TEST_CASE("listening_socket: a live datagram socket's path is refused", "[accept][listening_socket]") {
  const support::temporary_directory folder;
  const std::string path = folder / "a.sock";
  const sys::unique_fd datagrams(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  REQUIRE(sys::bind(datagrams.get(), *sys::socket_address::from_unix_path(path)) == 0);
  check_in_use(at_path(path));
  CHECK(fs::exists(path));
}

TEST_CASE("listening_socket: a directory that is not there is ENOENT at bind", "[accept][listening_socket]") {
  const support::temporary_directory folder;
  const listening_socket opened = open_listening_socket(at_path(folder / "none/a.sock"));
  CHECK_FALSE(opened);
  CHECK(opened.error == ENOENT);
  CHECK(opened.failed_step == "bind");
}

TEST_CASE("listening_socket: an abstract name makes no file and is taken once", "[accept][listening_socket]") {
  const support::fd_baseline baseline;
  const std::string name = "sluice-accept-test-" + std::to_string(::getpid());
  const listen_spec spec = at(*sys::socket_address::from_unix_abstract(name));
  const listening_socket opened = open_listening_socket(spec);
  REQUIRE(opened);
  CHECK_FALSE(fs::exists(name));
  check_in_use(spec);
  CHECK(support::connect_to(opened.address));
}

TEST_CASE("path_guard: removes the file that it saw", "[accept][path_guard]") {
  const support::temporary_directory folder;
  const std::string path = folder / "a.sock";
  leave_stale(path);
  { const path_guard guard(path); }
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("path_guard: leaves what another process has put there, and what it is told to keep",
          "[accept][path_guard]") {
  const support::temporary_directory folder;
  const std::string path = folder / "a.sock";
  const listening_socket ours = open_listening_socket(at_path(path));
  REQUIRE(ours);
  {
    const path_guard guard(path);
    fs::remove(path);
    leave_stale(path);
  }
  CHECK(fs::exists(path));
  {
    path_guard guard(path);
    guard.keep();
  }
  CHECK(fs::exists(path));
}

TEST_CASE("path_guard: moved, it removes once and late", "[accept][path_guard]") {
  const support::temporary_directory folder;
  const std::string path = folder / "a.sock";
  leave_stale(path);
  {
    std::optional<path_guard> first(path);
    const path_guard second(std::move(*first));
    first.reset();
    CHECK(fs::exists(path));
  }
  CHECK_FALSE(fs::exists(path));
  { const path_guard nothing_there(path); }
}
