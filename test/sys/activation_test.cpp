#include "sys/activation.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/loopback.hpp"
#include "sys/socket.hpp"

using namespace sluice;
using namespace sluice::sys;
namespace support = sluice::support;

namespace {

constexpr pid_t self = 4711;
using names = std::vector<std::string>;

listen_announcement read(const std::string& count, const std::string& fd_names) {
  return read_listen_variables({count, "4711", fd_names}, self);
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("activation: nothing is announced where nothing is set", "[sys][activation]") {
  const listen_announcement none = read_listen_variables({}, self);
  CHECK(none.names.empty());
  CHECK(none.trouble.empty());
  const listen_announcement only_pid = read_listen_variables({std::nullopt, "4711", "a:b"}, self);
  CHECK(only_pid.names.empty());
  CHECK(only_pid.trouble.empty());
}

TEST_CASE("activation: each descriptor has its name, or `unknown`", "[sys][activation]") {
  CHECK(read("2", "web:admin").names == names{"web", "admin"});
  CHECK(read("3", "web").names == names{"web", "unknown", "unknown"});
  CHECK(read("3", "web::admin").names == names{"web", "unknown", "admin"});
  CHECK(read("1", "web:too:many").names == names{"web"});
  CHECK(read("0", "web").names.empty());
  CHECK(read_listen_variables({"2", "4711", std::nullopt}, self).names == names{"unknown", "unknown"});
  CHECK(read("2", "web:admin").trouble.empty());
}

TEST_CASE("activation: a name steers no terminal", "[sys][activation]") {
  CHECK(read("1", "a\x1b[2J\x7f").names == names{"a?[2J?"});
}

TEST_CASE("activation: variables for another process, or none, announce nothing and say so", "[sys][activation]") {
  const listen_announcement other = read_listen_variables({"1", "4712", "web"}, self);
  CHECK(other.names.empty());
  CHECK(has(other.trouble, "4712"));
  CHECK(has(other.trouble, "4711"));
  const listen_announcement nobody = read_listen_variables({"1", std::nullopt, "web"}, self);
  CHECK(nobody.names.empty());
  CHECK(has(nobody.trouble, "LISTEN_PID"));
}

TEST_CASE("activation: garbage announces nothing and says what it is", "[sys][activation]") {
  const std::string garbage = GENERATE(as<std::string>(), "", "x", "-1", "+1", " 1", "1 ", "1x", "0x3", "65537",
                                       "99999999999999999999999", "1.5", "\x1b[2J");
  CAPTURE(garbage);
  const listen_announcement count = read_listen_variables({garbage, "4711", std::nullopt}, self);
  CHECK(count.names.empty());
  CHECK(has(count.trouble, "LISTEN_FDS="));
  CHECK_FALSE(has(count.trouble, "\x1b"));
  const listen_announcement pid = read_listen_variables({"1", garbage, std::nullopt}, self);
  CHECK(pid.names.empty());
  CHECK_FALSE(pid.trouble.empty());
  CHECK_FALSE(has(pid.trouble, "\x1b"));
}

TEST_CASE("activation: taking unsets the variables, also when they are for another process", "[sys][activation]") {
  const support::fd_baseline descriptors;
  ::setenv("LISTEN_FDS", "1", 1);
  ::setenv("LISTEN_PID", "1", 1);
  ::setenv("LISTEN_FDNAMES", "web", 1);
  const passed_descriptors taken = take_passed_descriptors();
  CHECK(taken.all.empty());
  CHECK(has(taken.trouble, "process 1"));
  for (const char* name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}) CHECK(::getenv(name) == nullptr);
}

// Descriptor 3 of a test program may be anybody's, so a child is the process that was activated.
TEST_CASE("activation: what is passed is taken with its kind, closed on exec; only listeners are made non-blocking",
          "[sys][activation]") {
  const support::fd_baseline descriptors;
  const support::listening_socket tcp = support::listen_tcp();
  const support::listening_socket local = support::listen_unix();
  const support::socket_pair connection = support::tcp_pair(support::io_mode::blocking);
  const unique_fd datagram(::socket(AF_INET, SOCK_DGRAM, 0));
  const unique_fd idle(::socket(AF_INET, SOCK_STREAM, 0));
  const unique_fd file(::open("/dev/null", O_RDONLY));
  support::set_blocking(tcp.fd.get(), support::io_mode::blocking);
  const std::vector<int> passed{tcp.fd.get(),   local.fd.get(), connection.second.get(),
                                datagram.get(), idle.get(),     file.get()};
  const std::vector<passed_kind> kinds{passed_kind::listening,    passed_kind::listening,   passed_kind::connection,
                                       passed_kind::other_socket, passed_kind::idle_socket, passed_kind::no_socket};
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::vector<int> copies;
    for (const int fd : passed) copies.push_back(::fcntl(fd, F_DUPFD, 100));
    for (std::size_t i = 0; i < copies.size(); ++i) ::dup2(copies[i], static_cast<int>(3 + i));
    ::close_range(static_cast<unsigned>(3 + copies.size()), ~0U, 0);
    ::setenv("LISTEN_FDS", "7", 1);  // one more than there are
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDNAMES", "a:b:c:d:e:f:g", 1);
    const passed_descriptors taken = take_passed_descriptors();
    bool well = taken.all.size() == kinds.size() && has(taken.trouble, "fd 9 is not open");
    for (std::size_t i = 0; well && i < kinds.size(); ++i) {
      const passed_descriptor& one = taken.all[i];
      const bool blocking = (::fcntl(one.fd.get(), F_GETFL) & O_NONBLOCK) == 0;
      well = one.kind == kinds[i] && one.name == std::string(1, static_cast<char>('a' + i)) &&
             one.fd.get() == static_cast<int>(3 + i) && ::fcntl(one.fd.get(), F_GETFD) == FD_CLOEXEC &&
             blocking == (i > 1);
    }
    well = well && taken.all[0].address == tcp.address && taken.all[1].address == local.address;
    ::_exit(well ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("activation: a descriptor is described by number, name and address", "[sys][activation]") {
  passed_descriptor one;
  one.fd.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  one.name = "web";
  CHECK(describe(one) == "fd " + std::to_string(one.fd.get()) + ", `web`");
  one.kind = passed_kind::listening;
  one.address = *socket_address::from_literal("::1", 80);
  CHECK(describe(one) == "fd " + std::to_string(one.fd.get()) + ", `web`, [::1]:80");
  CHECK(what_is_wrong_with(passed_kind::listening).empty());
  for (const passed_kind bad :
       {passed_kind::connection, passed_kind::idle_socket, passed_kind::other_socket, passed_kind::no_socket})
    CHECK_FALSE(what_is_wrong_with(bad).empty());
}
