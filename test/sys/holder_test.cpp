#include "sys/holder.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include "support/catch.hpp"
#include "support/free_ports.hpp"
#include "sys/socket.hpp"

using namespace sluice::sys;

namespace {

unique_fd listen_on(const socket_address& address) {
  fd_result made = make_socket(address.family());
  REQUIRE(made);
  REQUIRE(sluice::sys::bind(made.fd.get(), address) == 0);
  REQUIRE(sluice::sys::listen(made.fd.get(), 8) == 0);
  return std::move(made.fd);
}

std::string own_comm() {
  std::string comm;
  std::ifstream file("/proc/self/comm");
  std::getline(file, comm);
  return comm;
}

void check_is_us(const std::optional<holder>& who) {
  REQUIRE(who);
  CHECK(who->pid == ::getpid());
  CHECK(who->comm == own_comm());
  CHECK(who->uid == ::getuid());
}

}  // namespace

TEST_CASE("holder: a listener is found by its address", "[sys][holder]") {
  const std::string host = GENERATE(as<std::string>(), "127.0.0.1", "0.0.0.0", "::1", "::");
  CAPTURE(host);
  const unique_fd listener = listen_on(*socket_address::from_literal(host, 0));
  check_is_us(who_listens(local_address(listener.get())));
}

TEST_CASE("holder: a wildcard and a specific address are in each other's way", "[sys][holder]") {
  const unique_fd any = listen_on(*socket_address::from_literal("::", 0));
  const std::uint16_t taken = local_address(any.get()).port();
  check_is_us(who_listens(*socket_address::from_literal("127.0.0.1", taken)));
  check_is_us(who_listens(*socket_address::from_literal("::1", taken)));
  check_is_us(who_listens(socket_address::any_ipv4(taken)));

  // Not one that the kernel picks: somebody else may have that at another address.
  const std::uint16_t port = sluice::support::free_ports();
  const unique_fd one = listen_on(*socket_address::from_literal("127.0.0.2", port));
  check_is_us(who_listens(socket_address::any_ipv4(port)));
  check_is_us(who_listens(socket_address::any_ipv6(port)));
  check_is_us(who_listens(*socket_address::from_literal("::ffff:127.0.0.2", port)));
  CHECK_FALSE(who_listens(*socket_address::from_literal("127.0.0.3", port)));
  CHECK_FALSE(who_listens(*socket_address::from_literal("::1", port)));
}

TEST_CASE("holder: unix listeners are found by path and abstract name", "[sys][holder]") {
  const std::string path = "/tmp/sluice holder test " + std::to_string(::getpid());
  {
    const unique_fd listener = listen_on(*socket_address::from_unix_path(path));
    check_is_us(who_listens(*socket_address::from_unix_path(path)));
    CHECK_FALSE(who_listens(*socket_address::from_unix_abstract(path)));
  }
  CHECK_FALSE(who_listens(*socket_address::from_unix_path(path)));
  ::unlink(path.c_str());

  const auto name = socket_address::from_unix_abstract("sluice-holder-test-" + std::to_string(::getpid()));
  const unique_fd listener = listen_on(*name);
  check_is_us(who_listens(*name));
}

TEST_CASE("holder: a socket that only is bound, or connected, holds no address", "[sys][holder]") {
  const unique_fd listener = listen_on(*socket_address::from_literal("127.0.0.1", 0));
  const socket_address there = local_address(listener.get());
  const fd_result client = make_socket(AF_INET);
  REQUIRE(client);
  const int connected = sluice::sys::connect(client.fd.get(), there);
  REQUIRE((connected == 0 || connected == EINPROGRESS));
  CHECK_FALSE(who_listens(local_address(client.fd.get())));
}

TEST_CASE("holder: what it says is fit for a terminal", "[sys][holder]") {
  CHECK(describe({123, "nginx", 0}) == "nginx (pid 123)");
  CHECK(describe({0, "", 33}) == "a process of uid 33");
  CHECK(describe({7, "a\n\033[2J", 0}) == "a??[2J (pid 7)");
}
