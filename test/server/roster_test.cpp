#include "server/roster.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::server;

namespace {

backend_config line(address::kind type, const std::string& host, std::uint16_t port = 80, std::uint32_t weight = 1,
                    resolve_mode resolve = resolve_mode::first) {
  backend_config one;
  one.target = {type, host, {port, port}, {}};
  one.weight = weight;
  one.resolve = resolve;
  return one;
}

address_list addresses(const std::vector<std::string>& literals) {
  address_list list;
  for (const std::string& literal : literals) list.push_back(*sys::socket_address::from_literal(literal, 0));
  return list;
}

std::string described(const std::vector<member>& members) {
  std::string text;
  for (const member& one : members)
    text += (text.empty() ? "" : " ") + one.object->name + '*' + std::to_string(one.weight) + '@' +
            std::to_string(one.priority) + '(' + std::to_string(one.addresses.size()) + ')';
  return text;
}

constexpr auto tcp = address::kind::tcp;
constexpr auto srv = address::kind::srv;

}  // namespace

TEST_CASE("roster: a name is one backend, or one an address", "[server][roster]") {
  service of(service_config{});
  dns_answers known;
  known.names["web"] = {"web", addresses({"10.0.0.2", "10.0.0.1"}), false, ""};
  CHECK(described(make_members(of, {line(tcp, "web")}, known)) == "web:80*1@0(2)");
  CHECK(described(make_members(of, {line(tcp, "web", 80, 3, resolve_mode::all)}, known)) ==
        "10.0.0.1:80*3@0(1) 10.0.0.2:80*3@0(1)");
  CHECK(described(make_members(of, {line(tcp, "unknown"), line(tcp, "10.0.0.9")}, known)) ==
        "unknown:80*1@0(0) 10.0.0.9:80*1@0(1)");
  CHECK(make_members(of, {line(tcp, "unknown", 80, 1, resolve_mode::all)}, known).empty());
}

TEST_CASE("roster: addresses that may not be used are none", "[server][roster]") {
  service of(service_config{});
  dns_answers known;
  known.names["web"] = {"web", addresses({"10.0.0.2", "10.0.0.1"}), false, ""};
  known.services["_web._tcp.test"] = {
      "_web._tcp.test", {{"a.test", 81, 0, 1, addresses({"10.0.0.1", "10.0.0.2"})}}, false, ""};
  std::string asked;
  const address_filter but_one = [&](const backend_config&, const address& found) {
    asked += to_string(found) + ' ';
    return found.host != "10.0.0.1";
  };
  CHECK(described(make_members(of, {line(tcp, "web")}, known, but_one)) == "web:80*1@0(1)");
  CHECK(described(make_members(of, {line(tcp, "web", 80, 1, resolve_mode::all)}, known, but_one)) ==
        "10.0.0.2:80*1@0(1)");
  CHECK(described(make_members(of, {line(srv, "_web._tcp.test", 0)}, known, but_one)) == "a.test:81*1@0(1)");
  CHECK(described(make_members(of, {line(srv, "_web._tcp.test", 0, 1, resolve_mode::all)}, known, but_one)) ==
        "10.0.0.2:81*1@0(1)");
  CHECK(asked == "10.0.0.2:80 10.0.0.1:80 10.0.0.2:80 10.0.0.1:80 10.0.0.1:81 10.0.0.2:81 10.0.0.1:81 10.0.0.2:81 ");
  // What stands in the configuration was checked when that was read.
  CHECK(described(make_members(of, {line(tcp, "10.0.0.1")}, {}, but_one)) == "10.0.0.1:80*1@0(1)");
}

TEST_CASE("roster: IPv6 addresses are backends where there is a route to them", "[server][roster]") {
  service of(service_config{});
  dns_answers known;
  known.names["web"] = {"web", addresses({"::2", "10.0.0.1"}), false, ""};
  const std::vector<backend_config> lines{line(tcp, "web", 80, 1, resolve_mode::all)};
  CHECK(described(make_members(of, lines, known)) == "10.0.0.1:80*1@0(1) [::2]:80*1@0(1)");
  known.names["web"].addresses = addresses({"10.0.0.1", "::2"});
  CHECK(described(make_members(of, lines, known)) == "10.0.0.1:80*1@0(1)");
  known.names["web"].addresses = addresses({"::2"});
  CHECK(described(make_members(of, lines, known)) == "[::2]:80*1@0(1)");
}

TEST_CASE("roster: SRV records bring port, priority and weight; no weight is the least there is", "[server][roster]") {
  service of(service_config{});
  dns_answers known;
  known.services["_web._tcp.test"] = {
      "_web._tcp.test",
      {{"a.test", 81, 0, 0, addresses({"10.0.0.1", "10.0.0.2"})}, {"b.test", 82, 10, 7, addresses({"10.0.0.3"})}},
      false,
      ""};
  CHECK(described(make_members(of, {line(srv, "_web._tcp.test", 0)}, known)) == "a.test:81*1@0(2) b.test:82*7@10(1)");
  CHECK(described(make_members(of, {line(srv, "_web._tcp.test", 0, 1, resolve_mode::all)}, known)) ==
        "10.0.0.1:81*1@0(1) 10.0.0.2:81*1@0(1) 10.0.0.3:82*7@10(1)");
  CHECK(make_members(of, {line(srv, "_other._tcp.test", 0)}, known).empty());
}

TEST_CASE("roster: what is a backend already is not found a second time", "[server][roster]") {
  service of(service_config{});
  dns_answers known;
  known.names["web"] = {"web", addresses({"10.0.0.1", "10.0.0.2"}), false, ""};
  CHECK(described(make_members(of, {line(tcp, "10.0.0.1", 80, 5), line(tcp, "web", 80, 1, resolve_mode::all)},
                               known)) == "10.0.0.1:80*5@0(1) 10.0.0.2:80*1@0(1)");
}

TEST_CASE("roster: a backend that comes back is the same object", "[server][roster]") {
  service of(service_config{});
  const auto first = make_members(of, {line(tcp, "10.0.0.1")}, {});
  const auto other = make_members(of, {line(tcp, "10.0.0.2")}, {});
  const auto again = make_members(of, {line(tcp, "10.0.0.1")}, {});
  CHECK(is_same_roster(first, again));
  CHECK_FALSE(is_same_roster(first, other));
  CHECK_FALSE(is_same_roster(first, make_members(of, {line(tcp, "10.0.0.1", 80, 2)}, {})));
}
