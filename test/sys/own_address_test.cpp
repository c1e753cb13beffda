#include "sys/own_address.hpp"

#include "support/catch.hpp"

using sluice::sys::is_own_address;
using sluice::sys::socket_address;

// Addresses of interfaces are tried in test/e2e/own_address_test.cpp, in a network of its own.
TEST_CASE("own_address: loopback is this machine", "[sys][address]") {
  CHECK(is_own_address(*socket_address::from_literal("127.0.0.1", 80)));
  CHECK(is_own_address(*socket_address::from_literal("127.9.9.9", 0)));
  CHECK(is_own_address(*socket_address::from_literal("::1", 80)));
  CHECK(is_own_address(*socket_address::from_literal("::ffff:127.0.0.1", 80)));
}

TEST_CASE("own_address: what no interface can have is not", "[sys][address]") {
  CHECK_FALSE(is_own_address(*socket_address::from_literal("224.0.0.1", 80)));
  CHECK_FALSE(is_own_address(*socket_address::from_literal("ff02::1", 80)));
  CHECK_FALSE(is_own_address(*socket_address::from_unix_abstract("a")));
  CHECK_FALSE(is_own_address(socket_address()));
}
