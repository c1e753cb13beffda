#include "config/address.hpp"

#include "support/catch.hpp"

using namespace sluice::conf;
using sluice::address;
using sluice::to_string;

TEST_CASE("address: a listener prints as it is parsed", "[config][address]") {
  const std::string text = GENERATE("8080", "0", "9000-9099", "127.0.0.1:80", "0.0.0.0:443", "[::]:443",
                                    "[::1]:8000-8001", "[fe80::1%eth0]:80", "unix:/run/app.sock", "unix:@app",
                                    "unix:relative.sock", "fd:web", "fd:sluice.socket");
  CAPTURE(text);
  const address_result parsed = parse_listen(text);
  INFO(parsed.text);
  REQUIRE(parsed.value);
  CHECK(to_string(*parsed.value) == text);
}

TEST_CASE("address: a target prints as it is parsed", "[config][address]") {
  const std::string text =
      GENERATE("10.0.0.5:80", "db.internal:5432", "db-1:80", "my_service:80", "localhost.:80", "10.0.0.6:9000-9099",
               "[::1]:80", "unix:/run/redis.sock", "unix:@redis", "xn--bcher-kva.example:80", "1.example:80");
  CAPTURE(text);
  const address_result parsed = parse_target(text);
  INFO(parsed.text);
  REQUIRE(parsed.value);
  CHECK(to_string(*parsed.value) == text);
}

TEST_CASE("address: literals get their shortest form, so that equal ones compare equal", "[config][address]") {
  CHECK(parse_listen("[0::0001]:80").value == parse_listen("[::1]:80").value);
  CHECK(parse_target("[2001:DB8:0:0::1]:80").value->host == "2001:db8::1");
  CHECK(parse_listen(":8080").value == parse_listen("8080").value);
}

TEST_CASE("address: the parts are where they belong", "[config][address]") {
  const address range = *parse_target("10.0.0.6:9000-9099").value;
  CHECK(range.type == address::kind::tcp);
  CHECK(range.host == "10.0.0.6");
  CHECK(range.ports == sluice::port_range{9000, 9099});
  CHECK(range.ports.size() == 100);
  CHECK(parse_listen("1-65535").value->ports.size() == 65'535);
  CHECK(parse_listen("unix:@app").value->type == address::kind::unix_abstract);
  CHECK(parse_listen("unix:@app").value->path == "app");
}

TEST_CASE("address: no listener", "[config][address]") {
  const auto [text, hint] = GENERATE(table<std::string, std::string>({
      {"", "8080"},
      {"80a", "127.0.0.1:8080"},
      {"65536", "1 to 65535"},
      {"9099-9000", "write 9000-9099"},
      {"0-10", "1 to 65535"},
      {"1-2-3", "9000-9099"},
      {"1-", "9000-9099"},
      {"127.0.0.1", "127.0.0.1:8080"},
      {"127.0.0.1:", "1 to 65535"},
      {"*:8080", "write just 8080"},
      {"localhost:8080", "write 127.0.0.1:8080"},
      {"example.org:8080", "or just 8080"},
      {"300.0.0.1:80", "or just 80"},
      {"::1:80", "write [::1]:80"},
      {"[::1]", "[::1]:80"},
      {"[::1:80", "[::1]:80"},
      {"[127.0.0.1]:80", "[::1]:80"},
      {"[zz]:80", "[::1]:80"},
      {"unix:", "unix:/run/app.sock"},
      {"unix:@", "unix:@name"},
      {"fd:", "fd:NAME"},
      {"fd:a:b", "fd:NAME"},
      {"fd:a b", "FileDescriptorName="},
  }));
  CAPTURE(text);
  const address_result parsed = parse_listen(text);
  REQUIRE_FALSE(parsed.value);
  CHECK_FALSE(parsed.text.empty());
  CHECK(parsed.hint.find(hint) != std::string::npos);
}

TEST_CASE("address: no target", "[config][address]") {
  const auto [text, hint] = GENERATE(table<std::string, std::string>({
      {"", "HOST:PORT"},
      {"80", "127.0.0.1:80"},
      {"10.0.0.5", "HOST:PORT"},
      {"10.0.0.5:0", "1 to 65535"},
      {"10.0.0.256:80", "HOST:PORT"},
      {"10.0.0:80", "HOST:PORT"},
      {":80", "HOST:PORT"},
      {"a b:80", "HOST:PORT"},
      {"-a:80", "HOST:PORT"},
      {"a..b:80", "HOST:PORT"},
      {"http://example.org:80", ""},
      {"example.org:http", "1 to 65535"},
      {"2001:db8::1:80", "[2001:db8::1]:80"},
  }));
  CAPTURE(text);
  const address_result parsed = parse_target(text);
  REQUIRE_FALSE(parsed.value);
  CHECK(parsed.hint.find(hint) != std::string::npos);
}

TEST_CASE("address: a unix name ends where the kernel's field ends", "[config][address]") {
  CHECK(parse_listen("unix:/" + std::string(106, 'a')).value);
  CHECK_FALSE(parse_listen("unix:/" + std::string(107, 'a')).value);
  CHECK(parse_listen("unix:@" + std::string(107, 'a')).value);
  CHECK_FALSE(parse_listen("unix:@" + std::string(108, 'a')).value);
  CHECK_FALSE(parse_listen(std::string("unix:/a\0b", 9)).value);
}

TEST_CASE("address: a zone is an interface's name, a unix name is text", "[config][address]") {
  CHECK(parse_target("[fe80::1%eth0]:80").value);
  CHECK(parse_name_server("fe80::1%2").value);
  CHECK_FALSE(parse_name_server("fe80::1%eth0]:53").value);
  CHECK_FALSE(parse_name_server("fe80::1%a:b").value);
  CHECK_FALSE(parse_target("[fe80::1%\xbc]:80").value);
  CHECK_FALSE(parse_target("[fe80::1%sixteen-letters-]:80").value);
  CHECK(parse_listen("unix:/run/\xc3\xb8.sock").value);
  CHECK_FALSE(parse_listen("unix:/run/\xf8.sock").value);
  CHECK_FALSE(parse_listen("unix:@a\x01").value);
}

TEST_CASE("address: a name has at most 253 characters and labels of 63", "[config][address]") {
  CHECK(parse_target(std::string(63, 'a') + ".org:80").value);
  CHECK_FALSE(parse_target(std::string(64, 'a') + ".org:80").value);
  std::string longest;
  while (longest.size() < 250) longest += "a.";
  CHECK(parse_target(longest + "abc:80").value);
  CHECK_FALSE(parse_target(longest + "abcd:80").value);
}

TEST_CASE("address: a name server is a literal, with port or without", "[config][address]") {
  CHECK(parse_name_server("127.0.0.1").value->ports.first == 53);
  CHECK(parse_name_server("::1").value->host == "::1");
  CHECK(parse_name_server("127.0.0.1:5353").value->ports.first == 5353);
  CHECK(parse_name_server("[::1]:5353").value->ports.first == 5353);
  CHECK_FALSE(parse_name_server("dns.example").value);
  CHECK_FALSE(parse_name_server("dns.example:53").value);
  CHECK_FALSE(parse_name_server("unix:/run/dns").value);
  CHECK_FALSE(parse_name_server("127.0.0.1:53-54").value);
}
