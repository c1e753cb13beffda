#include "sluice/config_load.hpp"

#include "support/catch.hpp"

TEST_CASE("is_own_address: a literal of loopback is this machine, a name never is", "[server][is_own_address]") {
  CHECK(sluice::is_own_address("127.0.0.1"));
  CHECK(sluice::is_own_address("::1"));
  CHECK_FALSE(sluice::is_own_address("224.0.0.1"));
  CHECK_FALSE(sluice::is_own_address("localhost"));
  CHECK_FALSE(sluice::is_own_address("fe80::1%nowhere"));
}
