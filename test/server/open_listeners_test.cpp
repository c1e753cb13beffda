#include "server/open_listeners.hpp"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>
#include <string>

#include "sluice/error.hpp"

#include "server/proxy_fixture.hpp"
#include "server/roster.hpp"
#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace sluice;
using namespace sluice::server;
using namespace sluice::test;
namespace fs = std::filesystem;

namespace {

address path_address(const std::string& path) {
  address result;
  result.type = address::kind::unix_path;
  result.path = path;
  return result;
}

open_listeners open(const config& settings, std::size_t workers) {
  return open_all(settings, *make_routes(settings), workers);
}

struct refusal {
  std::string text;
  exit_code code = exit_code::done;
};

refusal refusal_of(const config& settings) {
  try {
    open(settings, 1);
  } catch (const startup_error& error) {
    return {error.what(), error.code()};
  }
  return {};
}

address fd_address(const std::string& name) {
  address result;
  result.type = address::kind::activated;
  result.path = name;
  return result;
}

sys::passed_descriptors passed(const std::string& name, support::listening_socket&& one) {
  sys::passed_descriptors result;
  result.all.push_back({std::move(one.fd), name, sys::passed_kind::listening, one.address});
  return result;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const address anywhere = tcp_address(9);

}  // namespace

TEST_CASE("open_all: every worker gets a socket of a TCP address, all on the same port", "[server][open_listeners]") {
  const support::fd_baseline baseline;
  const open_listeners opened = open(make_config(tcp_address(0), {anywhere}), 3);
  REQUIRE(opened.doors.size() == 1);
  REQUIRE(opened.doors[0].sockets.size() == 3);
  for (const sys::shared_fd& one : opened.doors[0].sockets)
    CHECK(sys::local_address(one->get()) == opened.entrances[0].address);
  CHECK(opened.entrances[0].address.port() != 0);
  CHECK(opened.entrances[0].name == to_string(opened.entrances[0].address));
  CHECK_FALSE(opened.entrances[0].one_owner);
}

TEST_CASE("open_all: a unix path, and an address beyond 1,024 sockets, belong to one worker",
          "[server][open_listeners]") {
  const support::fd_baseline baseline;
  const support::temporary_directory folder;
  const open_listeners by_path = open(make_config(path_address(folder / "a.sock"), {anywhere}), 2);
  CHECK(by_path.doors[0].sockets.size() == 1);
  CHECK(by_path.entrances[0].one_owner);

  const open_listeners by_number = open(make_config(tcp_address(0), {anywhere}), 1025);
  CHECK(by_number.doors[0].sockets.size() == 1);
  CHECK(by_number.entrances[0].one_owner);
}

TEST_CASE("open_all: each port of a range has an entrance that knows its place", "[server][open_listeners]") {
  const support::fd_baseline baseline;
  const held_ports ports(3);
  const config settings = make_config(tcp_address(ports.first(), ports.first() + 2), {anywhere});
  CHECK(count_addresses(settings) == 3);
  const open_listeners opened = open(settings, 1);
  REQUIRE(opened.entrances.size() == 3);
  for (std::uint16_t i = 0; i < 3; ++i) {
    CHECK(opened.entrances[i].port_offset == i);
    CHECK(opened.entrances[i].address == ports.address(i));
  }
}

TEST_CASE("open_all: an address in use is an error that names it, its line and its holder",
          "[server][open_listeners]") {
  const support::fd_baseline baseline;
  const support::listening_socket taken = support::listen_tcp();
  const refusal told = refusal_of(make_config(address_of(taken.address), {anywhere}));
  CAPTURE(told.text);
  CHECK(told.code == exit_code::failed);
  CHECK(has(told.text, "cannot listen on " + to_string(taken.address)));
  CHECK(has(told.text, "test.toml:3:10"));
  CHECK(has(told.text, "in use by "));
  CHECK(has(told.text, "(pid " + std::to_string(::getpid()) + ")"));
}

TEST_CASE("open_all: a reuseport group of the same user is not joined", "[server][open_listeners]") {
  const support::fd_baseline baseline;
  const config settings = make_config(tcp_address(0), {anywhere});
  const open_listeners first = open(settings, 2);
  const refusal told = refusal_of(make_config(address_of(first.entrances[0].address), {anywhere}));
  CAPTURE(told.text);
  CHECK(has(told.text, "in use by "));
}

TEST_CASE("open_all: one address in use leaves none bound and no socket file", "[server][open_listeners]") {
  const support::fd_baseline baseline;
  const support::temporary_directory folder;
  const held_ports free;
  const support::listening_socket taken = support::listen_tcp();
  service_config service = make_service(tcp_address(free.first()), {anywhere});
  for (const address& more : {path_address(folder / "a.sock"), address_of(taken.address)}) {
    listener_config one;
    one.listen = more;
    one.where = {"test.toml", 7, 1};
    service.listeners.push_back(one);
  }
  const refusal told = refusal_of(make_config(service));
  CHECK(has(told.text, to_string(taken.address)));
  CHECK(has(told.text, "test.toml:7:1"));
  CHECK_FALSE(fs::exists(folder / "a.sock"));
  CHECK(refusal_of(make_config(tcp_address(free.first()), {anywhere})).text.empty());
}

TEST_CASE("open_all: says what is in the way of a path if it is no program, and leaves it",
          "[server][open_listeners]") {
  const support::temporary_directory folder;
  const std::string path = folder / "a.sock";
  const std::string what = GENERATE(as<std::string>(), "a file", "a directory", "a symbolic link");
  if (what == "a file") std::ofstream(path) << "precious";
  if (what == "a directory") fs::create_directory(path);
  if (what == "a symbolic link") fs::create_symlink("nowhere", path);
  const refusal told = refusal_of(make_config(path_address(path), {anywhere}));
  CAPTURE(told.text);
  CHECK(has(told.text, "there is " + what + " of that name"));
  CHECK(has(told.text, "remove it or choose another path"));
  CHECK_FALSE(has(told.text, "stop that program"));
  CHECK(fs::symlink_status(path).type() != fs::file_type::not_found);
}

TEST_CASE("open_all: of two who start on an address at once one is refused", "[server][open_listeners]") {
  const support::fd_baseline baseline;
  for (int round = 0; round < 100; ++round) {
    const held_ports port;
    const config settings = make_config(tcp_address(port.first()), {anywhere});
    std::atomic<int> here{0};
    const auto start = [&] {
      ++here;
      while (here < 2) {
      }
      try {
        return std::optional(open(settings, 3));
      } catch (const startup_error&) {
        return std::optional<open_listeners>();
      }
    };
    auto other = std::async(std::launch::async, start);
    const std::optional<open_listeners> own = start();
    REQUIRE(own.has_value() != other.get().has_value());
  }
}

TEST_CASE("open_all: says what to do where the address, the directory or the user is not there",
          "[server][open_listeners]") {
  const support::temporary_directory folder;
  address elsewhere = tcp_address(1234);
  elsewhere.host = "192.0.2.1";
  CHECK(has(refusal_of(make_config(elsewhere, {anywhere})).text, "does not have that address"));
  CHECK(has(refusal_of(make_config(path_address(folder / "no/a.sock"), {anywhere})).text,
            "the directory does not exist"));
  service_config owned = make_service(path_address(folder / "a.sock"), {anywhere});
  owned.listeners[0].owner = "no-such-user-here";
  CHECK(has(refusal_of(make_config(owned)).text, "no such user or group"));
  address named = tcp_address(1234);
  named.host = "some.name";
  const refusal told = refusal_of(make_config(named, {anywhere}));
  CHECK(told.code == exit_code::bad_config);
  CHECK(has(told.text, "test.toml:3:10"));
}

TEST_CASE("open_all: a descriptor that was passed serves the listener that names it, owned by one worker",
          "[server][open_listeners][C12]") {
  const support::fd_baseline baseline;
  support::listening_socket one = support::listen_tcp();
  const int fd = one.fd.get();
  const sys::socket_address where = one.address;
  const config settings = make_config(fd_address("web"), {anywhere});
  const open_listeners opened = open_all(settings, *make_routes(settings), 3, passed("web", std::move(one)));
  REQUIRE(opened.doors.size() == 1);
  REQUIRE(opened.doors[0].sockets.size() == 1);
  CHECK(opened.doors[0].sockets[0]->get() == fd);
  CHECK(opened.entrances[0].one_owner);
  CHECK(opened.entrances[0].address == where);
  CHECK(opened.entrances[0].name == to_string(where));
  CHECK(opened.warnings.empty());
}

TEST_CASE("open_all: a listener takes the descriptor that has its address, unless another one names it",
          "[server][open_listeners][C12]") {
  const support::fd_baseline baseline;
  support::listening_socket one = support::listen_tcp();
  const sys::socket_address where = one.address;
  config settings = make_config(address_of(where), {anywhere});
  const auto given = [&] { return passed("web", std::move(one)); };
  SECTION("by address") {
    const open_listeners opened = open_all(settings, *make_routes(settings), 2, given());
    CHECK(opened.doors[0].sockets.size() == 1);
    CHECK(opened.entrances[0].one_owner);
    CHECK(opened.warnings.empty());
  }
  SECTION("by name first") {
    service_config named = make_service(fd_address("web"), {anywhere});
    named.name = "named";
    settings.services.push_back(named);
    try {
      open_all(settings, *make_routes(settings), 1, given());
      FAIL("the address was to be had twice");
    } catch (const startup_error& error) {
      CHECK(has(error.what(), "in use"));
    }
  }
}

TEST_CASE("open_all: a path that was passed keeps its file, and its mode is the socket unit's",
          "[server][open_listeners][C12]") {
  const support::fd_baseline baseline;
  const support::temporary_directory folder;
  const std::string path = folder / "a.sock";
  support::listening_socket one;
  one.address = *sys::socket_address::from_unix_path(path);
  one.fd = sys::make_socket(AF_UNIX).fd;
  REQUIRE(sys::bind(one.fd.get(), one.address) == 0);
  REQUIRE(sys::listen(one.fd.get(), 1) == 0);
  fs::permissions(path, fs::perms::owner_all);
  service_config service = make_service(path_address(path), {anywhere});
  service.listeners[0].mode = 0660;
  const config settings = make_config(service);
  {
    const open_listeners opened = open_all(settings, *make_routes(settings), 1, passed("web", std::move(one)));
    REQUIRE(opened.warnings.size() == 1);
    CHECK(has(opened.warnings[0], "SocketMode="));
    CHECK(fs::status(path).permissions() == fs::perms::owner_all);
  }
  CHECK(fs::exists(path));
}

TEST_CASE("open_all: a name that was not passed is a bad configuration, with its line",
          "[server][open_listeners][C12]") {
  const support::fd_baseline baseline;
  const config settings = make_config(fd_address("web"), {anywhere});
  try {
    open_all(settings, *make_routes(settings), 1, passed("http", support::listen_tcp()));
    FAIL("it has not that descriptor");
  } catch (const startup_error& error) {
    CHECK(error.code() == exit_code::bad_config);
    CHECK(has(error.what(), "cannot listen on fd:web (test.toml:3:10)"));
    CHECK(has(error.what(), "only `http`"));
  }
}

TEST_CASE("open_all: a descriptor that no listener takes is closed with a warning, and named if it is in the way",
          "[server][open_listeners][C12]") {
  const support::fd_baseline baseline;
  SECTION("closed") {
    const config settings = make_config(tcp_address(0), {anywhere});
    const std::size_t before = support::fd_count();
    const open_listeners opened = open_all(settings, *make_routes(settings), 1, passed("web", support::listen_tcp()));
    CHECK(support::fd_count() == before + 1);
    REQUIRE(opened.warnings.size() == 1);
    CHECK(has(opened.warnings[0], "`web`"));
  }
  SECTION("in the way") {
    support::listening_socket one = support::listen_tcp();
    address every = tcp_address(one.address.port());
    every.host.clear();
    const config wider = make_config(every, {anywhere});
    try {
      open_all(wider, *make_routes(wider), 1, passed("web", std::move(one)));
      FAIL("the port is taken");
    } catch (const startup_error& error) {
      CAPTURE(error.what());
      CHECK(error.code() == exit_code::bad_config);
      CHECK(has(error.what(), "is in the way"));
      CHECK(has(error.what(), "`web`"));
    }
  }
}
