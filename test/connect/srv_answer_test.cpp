#include "connect/srv_answer.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"

using namespace sluice::connect;
using namespace std::string_literals;

namespace {

/// Counts of the four sections, then what stands in them.
std::optional<srv_answer> parsed(const std::string& counts, const std::string& sections) {
  const std::string all = "\x12\x34\x81\x80"s + counts + sections;
  const std::vector<unsigned char> message(all.begin(), all.end());
  // Every shorter one is cut off somewhere.
  for (std::size_t n = 0; n < message.size(); ++n) CHECK_FALSE(parse_srv_answer({message.data(), n}));
  return parse_srv_answer(message);
}

const std::string question = "\4_web\4_tcp\4test\0\0\x21\0\1"s;  // at 12; "test" is at 22
const std::string one_answer = "\0\1\0\1\0\0\0\0"s;

std::string srv(const std::string& ttl, const std::string& data) {
  return "\xC0\x0C\0\x21\0\1"s + ttl + '\0' + static_cast<char>(data.size()) + data;
}

}  // namespace

TEST_CASE("srv_answer: priority, weight, port, host and TTL", "[connect][srv]") {
  const auto answer = parsed(one_answer, question + srv("\0\0\0\x3C"s, "\0\x0A\0\5\0\x50\1A\xC0\x16"s));
  REQUIRE(answer);
  REQUIRE(answer->targets.size() == 1);
  CHECK(answer->targets[0].priority == 10);
  CHECK(answer->targets[0].weight == 5);
  CHECK(answer->targets[0].port == 80);
  CHECK(answer->targets[0].host == "a.test");
  CHECK(answer->ttl.count() == 60);
}

TEST_CASE("srv_answer: a TTL beyond 31 bits is none", "[connect][srv]") {
  const auto answer = parsed(one_answer, question + srv("\xFF\0\0\0"s, "\0\x0A\0\5\0\x50\1A\xC0\x16"s));
  REQUIRE(answer);
  CHECK(answer->ttl.count() == 0);
}

TEST_CASE("srv_answer: addresses that came along, of the hosts that were named", "[connect][srv]") {
  const std::string of_a = "\1a\xC0\x16\0\1\0\1\0\0\0\x1E\0\4\x0A\0\0\1"s;
  const std::string of_b = "\1b\xC0\x16\0\1\0\1\0\0\0\1\0\4\x0A\0\0\2"s;
  const auto answer =
      parsed("\0\1\0\1\0\0\0\2"s, question + srv("\0\0\0\x3C"s, "\0\x0A\0\5\0\x50\1A\xC0\x16"s) + of_a + of_b);
  REQUIRE(answer);
  REQUIRE(answer->addresses.size() == 1);
  CHECK(to_string(answer->addresses.at("a.test").at(0)) == "10.0.0.1:0");
  CHECK(answer->ttl.count() == 30);
}

TEST_CASE("srv_answer: targets that are no host, and port 0, are left out", "[connect][srv]") {
  for (const std::string& data : {"\0\0\0\0\0\x50\0"s, "\0\0\0\0\0\0\1a\0"s, "\0\0\0\0\0\x50\3a b\0"s,
                                  "\0\0\0\0\0\x50\3a\nb\0"s, "\0\0\0\0\0\x50\3a.b\0"s}) {
    const auto answer = parsed(one_answer, question + srv("\0\0\0\x3C"s, data));
    REQUIRE(answer);
    CHECK(answer->targets.size() == (data.find("a.b") == std::string::npos ? 0 : 1));
  }
}

TEST_CASE("srv_answer: a pointer to itself, forwards, or a name beyond its record is malformed", "[connect][srv]") {
  const auto broken = [](const std::string& data) {
    const std::string all = "\x12\x34\x81\x80"s + one_answer + question + srv("\0\0\0\x3C"s, data);
    const std::vector<unsigned char> message(all.begin(), all.end());
    return !parse_srv_answer(message).has_value();
  };
  CHECK(broken("\0\0\0\0\0\x50\xC0\x32"s));      // to itself
  CHECK(broken("\0\0\0\0\0\x50\1a\xC0\x32"s));   // round and round
  CHECK(broken("\0\0\0\0\0\x50\xC0\x34\0\0"s));  // forwards
  CHECK(broken("\0\0\0\0\0\x50\x40"s));          // a label of a kind that there is not
  CHECK(broken("\0\0\0\0\0"s));                  // no name
  CHECK(broken("\0\0\0\0\0\x50\4abc"s));         // longer than the record
}
