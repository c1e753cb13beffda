#include "connect/resolver_name.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"

using namespace sluice::connect;
using sluice::sys::socket_address;
using namespace std::chrono_literals;
using kind = lookup_result::kind;

namespace {

constexpr int ipv4 = AF_INET;
constexpr int ipv6 = AF_INET6;

lookup_result answered(const std::vector<std::string>& hosts, std::chrono::seconds ttl = 60s) {
  lookup_result result;
  result.what = kind::answered;
  result.ttl = ttl;
  for (const std::string& host : hosts) result.addresses.push_back(*socket_address::from_literal(host, 0));
  return result;
}
lookup_result nothing() { return {kind::nothing, {}, 0s, "no such name"}; }
lookup_result failed() { return {kind::failed, {}, 0s, "no answer"}; }

bool settle(resolver_name& name, bool ipv6_route = true) {
  return name.settle([&](const socket_address&) { return ipv6_route; });
}

/// A whole round; whether anything changed.
bool round(resolver_name& name, lookup_result of_ipv4, lookup_result of_ipv6) {
  name.begin();
  name.take(ipv4, std::move(of_ipv4));
  name.take(ipv6, std::move(of_ipv6));
  return settle(name);
}

std::string addresses(const resolver_name& name) {
  std::string text;
  for (const socket_address& address : name.known().addresses) text += to_string(address) + ' ';
  return text;
}

}  // namespace

TEST_CASE("resolver_name: the same addresses in another order are no change", "[connect][resolver]") {
  resolver_name name("db");
  CHECK(round(name, answered({"10.0.0.2", "10.0.0.1", "10.0.0.2"}), nothing()));
  CHECK(addresses(name) == "10.0.0.2:0 10.0.0.1:0 ");
  CHECK_FALSE(round(name, answered({"10.0.0.1", "10.0.0.2"}), nothing()));
  CHECK(addresses(name) == "10.0.0.2:0 10.0.0.1:0 ");
  CHECK(round(name, answered({"10.0.0.1", "10.0.0.3"}), nothing()));
  CHECK(addresses(name) == "10.0.0.1:0 10.0.0.3:0 ");
  CHECK(round(name, answered({"10.0.0.1"}), nothing()));
  CHECK(addresses(name) == "10.0.0.1:0 ");
}

TEST_CASE("resolver_name: IPv6 comes first where there is a route to it", "[connect][resolver]") {
  for (const bool route : {true, false}) {
    resolver_name name("db");
    name.begin();
    name.take(ipv4, answered({"10.0.0.1"}));
    name.take(ipv6, answered({"2001:db8::1"}));
    settle(name, route);
    CHECK(addresses(name) == (route ? "[2001:db8::1]:0 10.0.0.1:0 " : "10.0.0.1:0 [2001:db8::1]:0 "));
  }
}

TEST_CASE("resolver_name: no failure wipes a good answer", "[connect][resolver]") {
  resolver_name name("db");
  round(name, answered({"10.0.0.1"}), answered({"2001:db8::1"}));
  const std::string before = addresses(name);
  const auto how = GENERATE(0, 1, 2, 3);
  CHECK(round(name, how & 1 ? failed() : nothing(), how & 2 ? failed() : nothing()));
  CHECK(addresses(name) == before);
  CHECK(name.known().stale);
  CHECK(name.known().error == (how == 0 ? "no such name" : "no answer"));
  CHECK(round(name, answered({"10.0.0.1"}), answered({"2001:db8::1"})));
  CHECK_FALSE(name.known().stale);
  CHECK(name.known().error.empty());
}

TEST_CASE("resolver_name: a name that never answered says why", "[connect][resolver]") {
  resolver_name name("db");
  CHECK(round(name, nothing(), nothing()));
  CHECK(addresses(name).empty());
  CHECK(name.known().stale);
  CHECK(name.known().error == "no such name");
}

TEST_CASE("resolver_name: a living name that lost one family loses its addresses", "[connect][resolver]") {
  resolver_name name("db");
  round(name, answered({"10.0.0.1"}), answered({"2001:db8::1"}));
  CHECK(round(name, answered({"10.0.0.1"}), nothing()));
  CHECK(addresses(name) == "10.0.0.1:0 ");
  CHECK_FALSE(name.known().stale);
}

TEST_CASE("resolver_name: a family that fails keeps its addresses while the other answers", "[connect][resolver]") {
  resolver_name name("db");
  round(name, answered({"10.0.0.1"}), answered({"2001:db8::1"}));
  CHECK(round(name, answered({"10.0.0.2"}), failed()));
  CHECK(addresses(name) == "[2001:db8::1]:0 10.0.0.2:0 ");
  CHECK(name.known().stale);

  // The next round, half way: staleness does not flicker.
  name.begin();
  name.take(ipv4, answered({"10.0.0.2"}));
  CHECK_FALSE(settle(name));
  CHECK(name.known().stale);
}

TEST_CASE("resolver_name: a family that always fails does not matter if the other answers", "[connect][resolver]") {
  resolver_name name("db");
  CHECK(round(name, answered({"10.0.0.1"}, 20s), failed()));
  CHECK_FALSE(name.known().stale);
  CHECK(name.known().error.empty());
  CHECK(name.next_look_up({}) == 20s);
}

TEST_CASE("resolver_name: an answer of /etc/hosts is for both families", "[connect][resolver]") {
  resolver_name name("db");
  round(name, answered({"10.0.0.1"}), answered({"2001:db8::1"}));
  name.begin();
  name.take_all(answered({"10.9.9.9"}));
  CHECK(name.is_complete());
  CHECK(settle(name));
  CHECK(addresses(name) == "10.9.9.9:0 ");
}

TEST_CASE("resolver_name: the next look-up is due when the least TTL runs out, within bounds", "[connect][resolver]") {
  const auto due = [](std::chrono::seconds ttl4, std::chrono::seconds ttl6) {
    resolver_name name("db");
    round(name, answered({"10.0.0.1"}, ttl4), answered({"2001:db8::1"}, ttl6));
    return name.next_look_up({});
  };
  CHECK(due(60s, 30s) == 30s);
  CHECK(due(30s, 60s) == 30s);
  CHECK(due(0s, 60s) == 1s);
  CHECK(due(86'400s, 3'600s) == 300s);
  CHECK(due(std::chrono::seconds(INT32_MAX), std::chrono::seconds(INT32_MAX)) == 300s);
}

TEST_CASE("resolver_name: after a failure it is looked up at 1, 2, 4 ... 30 seconds", "[connect][resolver]") {
  resolver_name name("db");
  round(name, answered({"10.0.0.1"}), nothing());
  CHECK(name.next_look_up({}) == 60s);
  for (const auto expected : {1s, 2s, 4s, 8s, 16s, 30s, 30s}) {
    round(name, failed(), failed());
    CHECK(name.next_look_up({}) == expected);
  }
  round(name, answered({"10.0.0.1"}), nothing());
  CHECK(name.next_look_up({}) == 60s);
  round(name, nothing(), nothing());
  CHECK(name.next_look_up({}) == 1s);
}
