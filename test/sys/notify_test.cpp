#include "sys/notify.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>

#include "support/catch.hpp"
#include "sys/socket.hpp"
#include "sys/unique_fd.hpp"

using namespace sluice::sys;
using std::chrono::microseconds;

namespace {

/// Sets a variable for as long as it lives; an empty value unsets it.
class variable {
 public:
  variable(const char* name, const std::string& value) : name_(name) {
    if (value.empty()) {
      ::unsetenv(name);
    } else {
      ::setenv(name, value.c_str(), 1);
    }
  }
  ~variable() { ::unsetenv(name_); }
  variable(const variable&) = delete;
  variable& operator=(const variable&) = delete;

 private:
  const char* name_;
};

/// A service manager's end of the protocol.
class manager {
 public:
  explicit manager(const socket_address& address) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    REQUIRE(sluice::sys::bind(socket_.get(), address) == 0);
  }
  std::string heard() const {
    char text[256];
    const ssize_t n = ::recv(socket_.get(), text, sizeof text, MSG_DONTWAIT);
    return n < 0 ? "nothing" : std::string(text, static_cast<std::size_t>(n));
  }

 private:
  unique_fd socket_;
};

std::string own_name() { return "sluice-notify-test-" + std::to_string(::getpid()); }

}  // namespace

TEST_CASE("notify: without a manager nothing is sent and nothing is wrong", "[sys][notify]") {
  const variable none("NOTIFY_SOCKET", "");
  CHECK(notify("READY=1") == 0);
}

TEST_CASE("notify: a message arrives at a path as one datagram", "[sys][notify]") {
  const std::string path = "/tmp/" + own_name();
  const manager listening(*socket_address::from_unix_path(path));
  const variable where("NOTIFY_SOCKET", path);
  CHECK(notify("READY=1\nSTATUS=3 listeners") == 0);
  CHECK(notify("STOPPING=1") == 0);
  CHECK(listening.heard() == "READY=1\nSTATUS=3 listeners");
  CHECK(listening.heard() == "STOPPING=1");
  CHECK(listening.heard() == "nothing");
  ::unlink(path.c_str());
}

TEST_CASE("notify: a message arrives at an abstract name", "[sys][notify]") {
  const manager listening(*socket_address::from_unix_abstract(own_name()));
  const variable where("NOTIFY_SOCKET", '@' + own_name());
  CHECK(notify("READY=1") == 0);
  CHECK(listening.heard() == "READY=1");
}

TEST_CASE("notify: what can't be reached is told by errno", "[sys][notify]") {
  SECTION("nobody listens") {
    const variable where("NOTIFY_SOCKET", "/nonexistent/notify");
    CHECK(notify("READY=1") == ENOENT);
  }
  SECTION("not a unix address") {
    const variable where("NOTIFY_SOCKET", "vsock:2:1234");
    CHECK(notify("READY=1") == EINVAL);
  }
  SECTION("a path too long for a socket") {
    const variable where("NOTIFY_SOCKET", '/' + std::string(200, 'a'));
    CHECK(notify("READY=1") == EINVAL);
  }
}

TEST_CASE("notify: a manager that does not read does not hold us for long", "[sys][notify]") {
  const manager listening(*socket_address::from_unix_abstract(own_name()));
  const variable where("NOTIFY_SOCKET", '@' + own_name());
  int error = 0;
  for (int i = 0; i < 100'000 && error == 0; ++i) error = notify("WATCHDOG=1");
  CHECK(error == EAGAIN);
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) CHECK(notify("STATUS=idle", std::chrono::milliseconds(0)) == EAGAIN);
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(10));  // a tenth of what waiting would take
}

TEST_CASE("notify: the watchdog's interval is read from the environment", "[sys][notify]") {
  const variable interval("WATCHDOG_USEC", "30000000");
  SECTION("for whoever asks") {
    const variable nobody("WATCHDOG_PID", "");
    CHECK(watchdog_interval() == microseconds(30'000'000));
  }
  SECTION("for this process") {
    const variable us("WATCHDOG_PID", std::to_string(::getpid()));
    CHECK(watchdog_interval() == microseconds(30'000'000));
  }
  SECTION("but not when meant for another process") {
    const variable other("WATCHDOG_PID", std::to_string(::getppid()));
    CHECK_FALSE(watchdog_interval());
  }
}

TEST_CASE("notify: no watchdog where the variable is unset, 0 or nonsense", "[sys][notify]") {
  const std::string value = GENERATE(as<std::string>(), "", "0", "30s", "-5", "99999999999999999999");
  CAPTURE(value);
  const variable interval("WATCHDOG_USEC", value);
  CHECK_FALSE(watchdog_interval());
}
