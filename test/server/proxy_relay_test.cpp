#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "server/proxy_fixture.hpp"
#include "support/byte_stream.hpp"
#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

constexpr std::size_t bulk = 3 * 1024 * 1024 + 7;

/// Sends a stream one way while somebody else sends the other way.
std::thread send_stream(int fd, std::uint64_t seed) {
  return std::thread([fd, seed] {
    support::send_all(fd, support::byte_stream(seed).bytes(0, bulk));
    ::shutdown(fd, SHUT_WR);
  });
}

bool receives_stream(int fd, std::uint64_t seed) {
  support::stream_checker checker(seed);
  return checker.take(support::receive_until_eof(fd)) && checker.position() == bulk;
}

void move_bulk_both_ways(const support::socket_pair& ends) {
  std::thread from_client = send_stream(ends.first.get(), 1);
  std::thread from_backend = send_stream(ends.second.get(), 2);
  auto at_client = std::async(std::launch::async, [&] { return receives_stream(ends.first.get(), 2); });
  CHECK(receives_stream(ends.second.get(), 1));
  CHECK(at_client.get());
  from_client.join();
  from_backend.join();
}

}  // namespace

TEST_CASE("proxy: bytes go both ways at once, spliced, and are counted", "[server][proxy]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  running_proxy proxy(make_config(tcp_address(port.first()), {address_of(backend.address)}));
  {
    const support::socket_pair ends = connect_through(port.address(), backend.fd.get());
    move_bulk_both_ways(ends);
  }
  proxy.check_at_rest();
  const stats sum = proxy.stats();
  CHECK(sum.accepted == 1);
  CHECK(sum.received_from_clients == bulk);
  CHECK(sum.sent_to_clients == bulk);
  CHECK(sum.relay.bytes_spliced == 2 * bulk);
  CHECK(sum.relay.bytes_copied == 0);
  CHECK(sum.relay.pipes_killed == 0);
  CHECK(proxy.closed(close_reason::client_fin) + proxy.closed(close_reason::backend_fin) == 1);
}

TEST_CASE("proxy: relay = copy copies every byte and counts it", "[server][proxy]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  config settings = make_config(tcp_address(port.first()), {address_of(backend.address)});
  settings.services[0].relay = relay_mode::copy;
  running_proxy proxy(settings);
  {
    const support::socket_pair ends = connect_through(port.address(), backend.fd.get());
    move_bulk_both_ways(ends);
  }
  proxy.check_at_rest();
  const stats sum = proxy.stats();
  CHECK(sum.relay.bytes_copied == 2 * bulk);
  CHECK(sum.relay.bytes_spliced == 0);
  CHECK(sum.relay.fallbacks[static_cast<std::size_t>(fallback_reason::configured)] == 2);
}

TEST_CASE("proxy: a client that has said everything still gets the answer", "[server][proxy]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  running_proxy proxy(make_config(tcp_address(port.first()), {address_of(backend.address)}));
  support::socket_pair ends = connect_through(port.address(), backend.fd.get());
  support::send_all(ends.first.get(), "question");
  ::shutdown(ends.first.get(), SHUT_WR);
  CHECK(support::receive_until_eof(ends.second.get()).size() == 8);
  support::send_all(ends.second.get(), "answer");
  CHECK(support::receive_text(ends.first.get(), 6) == "answer");
  ends.second.reset();
  CHECK(wait_for_end(ends.first.get()) == 0);
  proxy.check_at_rest();
  CHECK(proxy.closed(close_reason::client_fin) == 1);
}

TEST_CASE("proxy: a backend that speaks first, says it all and leaves is heard to the end", "[server][proxy]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  running_proxy proxy(make_config(tcp_address(port.first()), {address_of(backend.address)}));
  support::socket_pair ends = connect_through(port.address(), backend.fd.get());
  support::send_all(ends.second.get(), "banner");
  ::shutdown(ends.second.get(), SHUT_WR);
  const auto heard = support::receive_until_eof(ends.first.get());
  CHECK(heard.size() == 6);
  ends.first.reset();
  CHECK(wait_for_end(ends.second.get()) == 0);
  proxy.check_at_rest();
  CHECK(proxy.closed(close_reason::backend_fin) == 1);
}

TEST_CASE("proxy: a reset is passed on, either way", "[server][proxy]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  running_proxy proxy(make_config(tcp_address(port.first()), {address_of(backend.address)}));
  {
    support::socket_pair ends = connect_through(port.address(), backend.fd.get());
    check_passes(ends);
    support::reset(std::move(ends.first));
    CHECK(wait_for_end(ends.second.get()) == ECONNRESET);
  }
  {
    support::socket_pair ends = connect_through(port.address(), backend.fd.get());
    check_passes(ends);
    support::reset(std::move(ends.second));
    CHECK(wait_for_end(ends.first.get()) == ECONNRESET);
  }
  proxy.check_at_rest();
  CHECK(proxy.closed(close_reason::client_reset) == 1);
  CHECK(proxy.closed(close_reason::backend_reset) == 1);
}

TEST_CASE("proxy: unix sockets on both sides, and the path goes when it stops", "[server][proxy]") {
  const support::fd_baseline baseline;
  const support::temporary_directory folder;
  const support::listening_socket backend = support::listen_unix();
  const auto door = *sys::socket_address::from_unix_path(folder / "door.sock");
  config settings = make_config(address_of(door), {address_of(backend.address)}, 2);
  settings.services[0].listeners[0].mode = 0600;
  running_proxy proxy(settings);
  struct stat status {};
  REQUIRE(::stat((folder / "door.sock").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  {
    const support::socket_pair ends = connect_through(door, backend.fd.get());
    move_bulk_both_ways(ends);
  }
  proxy.check_at_rest();
  CHECK(proxy.stats().relay.bytes_spliced == 2 * bulk);
  proxy.stop();
  CHECK(proxy.result() == exit_code::done);
  CHECK_FALSE(std::filesystem::exists(folder / "door.sock"));
}

TEST_CASE("proxy: abstract sockets on both sides", "[server][proxy]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_unix();
  support::listening_socket name = support::listen_unix();
  name.fd.reset();
  running_proxy proxy(make_config(address_of(name.address), {address_of(backend.address)}, 2));
  for (int i = 0; i < 4; ++i) check_passes(connect_through(name.address, backend.fd.get()));
  proxy.check_at_rest();
}

TEST_CASE("proxy: each port of a range leads to the same place in the target's range", "[server][proxy]") {
  const support::fd_baseline baseline;
  const held_ports doors(3);
  held_ports targets(3);
  running_proxy proxy(make_config(tcp_address(doors.first(), doors.first() + 2),
                                  {tcp_address(targets.first(), targets.first() + 2)}, 2));
  for (const std::uint16_t offset : std::vector<std::uint16_t>{2, 0, 1})
    check_passes(connect_through(doors.address(offset), targets.listen(offset)));
  proxy.check_at_rest();
  CHECK(proxy.stats().accepted == 3);
}

TEST_CASE("proxy: every port of a range may lead to one target", "[server][proxy]") {
  const support::fd_baseline baseline;
  const held_ports doors(2);
  const support::listening_socket backend = support::listen_tcp();
  running_proxy proxy(make_config(tcp_address(doors.first(), doors.first() + 1), {address_of(backend.address)}));
  for (const std::uint16_t offset : std::vector<std::uint16_t>{0, 1})
    check_passes(connect_through(doors.address(offset), backend.fd.get()));
}

TEST_CASE("proxy: a session is ended when it has reached its lifetime, however busy it is", "[server][proxy]") {
  const support::fd_baseline baseline;
  const support::listening_socket backend = support::listen_tcp();
  const held_ports port;
  config settings = make_config(tcp_address(port.first()), {address_of(backend.address)});
  settings.services[0].timeouts.lifetime = std::chrono::seconds(2);
  settings.services[0].timeouts.lifetime_jitter = 50;
  running_proxy proxy(settings);
  const auto begin = std::chrono::steady_clock::now();
  const support::socket_pair quiet = connect_through(port.address(), backend.fd.get());
  check_passes(quiet);
  CHECK(wait_for_end(quiet.first.get()) == 0);
  CHECK(wait_for_end(quiet.second.get()) == 0);
  CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::seconds(1));
  const support::socket_pair busy = connect_through(port.address(), backend.fd.get());
  CHECK(support::wait_until([&] {
    const std::string byte = "x";  // a question that is never answered
    return ::send(busy.first.get(), byte.data(), 1, MSG_NOSIGNAL) < 0;
  }));
  proxy.check_at_rest();
  CHECK(proxy.closed(close_reason::lifetime) == 2);
}
