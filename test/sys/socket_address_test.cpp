#include "sys/socket_address.hpp"

#include "support/catch.hpp"

using sluice::sys::socket_address;
using sluice::sys::to_string;

TEST_CASE("socket_address: literals print as they are written", "[sys][address]") {
  CHECK(to_string(*socket_address::from_literal("10.0.0.5", 80)) == "10.0.0.5:80");
  CHECK(to_string(*socket_address::from_literal("::1", 443)) == "[::1]:443");
  CHECK(to_string(*socket_address::from_unix_path("/run/app.sock")) == "unix:/run/app.sock");
  CHECK(to_string(*socket_address::from_unix_abstract("app")) == "unix:@app");
}

TEST_CASE("socket_address: what is no literal is refused", "[sys][address]") {
  CHECK_FALSE(socket_address::from_literal("db.internal", 80));
  CHECK_FALSE(socket_address::from_literal("1.2.3", 80));
  CHECK_FALSE(socket_address::from_literal("", 80));
  CHECK_FALSE(socket_address::from_unix_path(std::string(108, 'a')));
  CHECK(socket_address::from_unix_path(std::string(107, 'a')));
}

TEST_CASE("socket_address: loopback is known in all its forms", "[sys][address]") {
  CHECK(socket_address::from_literal("127.9.9.9", 1)->is_loopback());
  CHECK(socket_address::from_literal("::1", 1)->is_loopback());
  CHECK(socket_address::from_literal("::ffff:127.0.0.1", 1)->is_loopback());
  CHECK_FALSE(socket_address::from_literal("128.0.0.1", 1)->is_loopback());
  CHECK_FALSE(socket_address::from_literal("::2", 1)->is_loopback());
}
