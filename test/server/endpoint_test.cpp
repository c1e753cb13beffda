#include "server/endpoint.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "server/service.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::server;
using family = log::endpoint::family;
using sys::socket_address;

TEST_CASE("endpoint: IPv4 keeps its four bytes and the port", "[server][endpoint]") {
  const log::endpoint one = to_endpoint(*socket_address::from_literal("10.1.2.3", 8080));
  CHECK(one.type == family::ipv4);
  CHECK(one.port == 8080);
  CHECK(one.bytes == std::array<std::uint8_t, 16>{10, 1, 2, 3});
}

TEST_CASE("endpoint: a v4-mapped client is the IPv4 client that it is", "[server][endpoint]") {
  const log::endpoint one = to_endpoint(*socket_address::from_literal("::ffff:10.1.2.3", 8080));
  CHECK(one.type == family::ipv4);
  CHECK(one.port == 8080);
  CHECK(one.bytes == std::array<std::uint8_t, 16>{10, 1, 2, 3});
}

TEST_CASE("endpoint: IPv6 keeps sixteen bytes", "[server][endpoint]") {
  const log::endpoint one = to_endpoint(*socket_address::from_literal("2001:db8::7", 1));
  CHECK(one.type == family::ipv6);
  CHECK(one.port == 1);
  CHECK(one.bytes == std::array<std::uint8_t, 16>{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7});
}

TEST_CASE("endpoint: unix peers have no name, and no address is none", "[server][endpoint]") {
  CHECK(to_endpoint(*socket_address::from_unix_path("/run/a.sock")).type == family::unix_socket);
  CHECK(to_endpoint(socket_address()).type == family::none);
}

TEST_CASE("endpoint: the key of a client is its address without the port, or as much of it as counts",
          "[server][endpoint]") {
  const auto key = [](const char* host, std::uint16_t port, const hash_config& settings = {}) {
    return hash_key_of(to_endpoint(*socket_address::from_literal(host, port)), settings, 5);
  };
  CHECK(key("10.1.2.3", 1) == key("10.1.2.3", 2));
  CHECK(key("10.1.2.3", 1) == key("::ffff:10.1.2.3", 1));
  CHECK(key("10.1.2.3", 1) != key("10.1.2.4", 1));
  CHECK(key("10.1.2.3", 1, {24, 128}) == key("10.1.2.4", 1, {24, 128}));
  CHECK(key("2001:db8::1", 1) != key("2001:db8::2", 1));
  CHECK(key("2001:db8::1", 1, {32, 64}) == key("2001:db8::2", 1, {32, 64}));
  CHECK(hash_key_of(to_endpoint(*socket_address::from_unix_path("/run/a.sock")), {}, 5) == 5);
}

TEST_CASE("target_port: ranges run side by side, a single port serves all", "[server][service]") {
  address target;
  target.ports = {9000, 9099};
  CHECK(target_port(target, 0) == 9000);
  CHECK(target_port(target, 42) == 9042);
  CHECK(target_port(target, 99) == 9099);
  target.ports = {80, 80};
  CHECK(target_port(target, 42) == 80);
  target.ports = {65'534, 65'535};
  CHECK(target_port(target, 1) == 65'535);
}
