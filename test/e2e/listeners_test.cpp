#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "e2e/connected_ends.hpp"

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"
#include "support/temporary_directory.hpp"
#include "sys/socket.hpp"

using namespace sluice;
using namespace sluice::support;

namespace {

std::string ask(const std::string& front, const std::string& question) {
  const sys::unique_fd client = connect_to(parse_address(front));
  send_all(client.get(), question);
  ::shutdown(client.get(), SHUT_WR);
  const auto answer = receive_until_eof(client.get());
  return {reinterpret_cast<const char*>(answer.data()), answer.size()};
}

/// Sends back what it is asked, behind its own name.
peer_server named_backend(listening_socket where, const std::string& name) {
  return peer_server(std::move(where), [name](sys::unique_fd connection) {
    send_all(connection.get(), name + ':');
    echo(connection.get());
  });
}

listening_socket listen_at_port(std::uint16_t port) {
  listening_socket made;
  made.address = *sys::socket_address::from_literal("127.0.0.1", port);
  made.fd = sys::make_socket(AF_INET).fd;
  REQUIRE(sys::bind(made.fd.get(), made.address) == 0);
  REQUIRE(sys::listen(made.fd.get(), 16) == 0);
  return made;
}

}  // namespace

TEST_CASE("e2e: a unix listener has the mode asked for, and its path goes with the program", "[e2e]") {
  const fd_baseline descriptors;
  const temporary_directory files;
  const std::string path = files / "front.sock";
  const peer_server backend = named_backend(listen_unix(), "b");
  sluice_process sluice({.toml = "[service.s]\nlisten = { address = 'unix:" + path +
                                 "', mode = '0640' }\nbackends = '" + backend.address() + "'\n"});
  struct stat seen {};
  REQUIRE(::stat(path.c_str(), &seen) == 0);
  CHECK(S_ISSOCK(seen.st_mode));
  CHECK((seen.st_mode & 0777) == 0640);
  CHECK(ask("unix:" + path, "hello") == "b:hello");
  CHECK(sluice.wait_sessions(1).at(0).client == "unix");
  sluice.check_clean_end();
  CHECK(::stat(path.c_str(), &seen) != 0);
  backend.check();
}

TEST_CASE("e2e: a stale socket file is replaced, one that somebody answers on is not", "[e2e]") {
  const fd_baseline descriptors;
  const temporary_directory files;
  const std::string path = files / "front.sock";
  const peer_server backend = named_backend(listen_unix(), "b");
  listening_socket earlier;
  earlier.address = *sys::socket_address::from_unix_path(path);
  earlier.fd = sys::make_socket(AF_UNIX).fd;
  REQUIRE(sys::bind(earlier.fd.get(), earlier.address) == 0);
  REQUIRE(sys::listen(earlier.fd.get(), 1) == 0);
  const sluice_launch how{.arguments = {"unix:" + path + '=' + backend.address()}};
  SECTION("alive") {
    const run_result ended = run_sluice(how);
    INFO("it said:\n" << ended.output);
    CHECK(ended.code == 1);
    CHECK(ended.output.find(path) != std::string::npos);
    CHECK(connect_to(earlier.address).get() >= 0);
  }
  SECTION("stale") {
    earlier.fd.reset();
    sluice_process sluice(how);
    CHECK(ask("unix:" + path, "hello") == "b:hello");
    sluice.wait_sessions(1);
    sluice.check_clean_end();
  }
}

TEST_CASE("e2e: abstract sockets serve on both sides", "[e2e]") {
  const fd_baseline descriptors;
  const peer_server backend = named_backend(listen_unix(), "b");
  const std::string front = "unix:@sluice-e2e-" + std::to_string(::getpid());
  sluice_process sluice({.arguments = {front + '=' + backend.address()}});
  CHECK(ask(front, "hello") == "b:hello");
  CHECK(sluice.wait_sessions(1).at(0).backend == backend.address());
  sluice.check_clean_end();
  backend.check();
}

TEST_CASE("e2e: a range of ports goes to a range of ports, one by one, or to a single port", "[e2e]") {
  const fd_baseline descriptors;
  const std::uint16_t backs = free_ports(3);
  const peer_server first = named_backend(listen_at_port(backs), "0");
  const peer_server second = named_backend(listen_at_port(static_cast<std::uint16_t>(backs + 1)), "1");
  const peer_server third = named_backend(listen_at_port(static_cast<std::uint16_t>(backs + 2)), "2");
  const std::uint16_t fronts = free_ports(3);
  const auto range = [](std::uint16_t from) { return std::to_string(from) + '-' + std::to_string(from + 2); };
  const auto port = [&](int n) { return "127.0.0.1:" + std::to_string(fronts + n); };
  SECTION("port by port") {
    sluice_process sluice({.arguments = {"127.0.0.1:" + range(fronts) + "=127.0.0.1:" + range(backs)}});
    for (int n = 0; n < 3; ++n) CHECK(ask(port(n), "x") == std::to_string(n) + ":x");
    sluice.wait_sessions(3);
    sluice.check_clean_end();
  }
  SECTION("to one port") {
    sluice_process sluice({.arguments = {"127.0.0.1:" + range(fronts) + "=127.0.0.1:" + std::to_string(backs)}});
    for (int n = 0; n < 3; ++n) CHECK(ask(port(n), "x") == "0:x");
    sluice.wait_sessions(3);
    sluice.check_clean_end();
  }
}

TEST_CASE("e2e: a bare port answers over IPv4 and IPv6", "[e2e]") {
  const fd_baseline descriptors;
  const peer_server backend = named_backend(listen_tcp(), "b");
  const std::string port = std::to_string(free_ports());
  sluice_process sluice({.arguments = {port + '=' + backend.address()}});
  CHECK(ask("127.0.0.1:" + port, "four") == "b:four");
  CHECK(sluice.wait_sessions(1).at(0).local == "127.0.0.1:" + port);
  CHECK(ask("[::1]:" + port, "six") == "b:six");
  CHECK(sluice.wait_sessions(2).at(1).local == "[::1]:" + port);
  sluice.check_clean_end();
  backend.check();
}

TEST_CASE("e2e: many workers and many ports serve each other's clients", "[e2e]") {
  const fd_baseline descriptors;
  const peer_server backend = named_backend(listen_tcp(), "b");
  constexpr std::uint16_t ports = 300;
  const std::uint16_t fronts = free_ports(ports);
  // So many addresses times workers have one owner each, who hands accepted clients to the least loaded worker.
  sluice_process sluice({.arguments = {"127.0.0.1:" + std::to_string(fronts) + '-' +
                                           std::to_string(fronts + ports - 1) + '=' + backend.address(),
                                       "--workers", "4"}});
  for (int n = 0; n < ports; n += 10) CHECK(ask("127.0.0.1:" + std::to_string(fronts + n), "x") == "b:x");
  sluice.wait_sessions(ports / 10);
  sluice.check_clean_end();
  backend.check();
}
