#include "connect/resolver_srv.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "connect/resolver_laboratory.hpp"
#include "support/catch.hpp"

using namespace sluice::connect;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

/// "HOST:PORT priority/weight address address, ..."
std::string described(const srv_resolution& known) {
  std::string text;
  for (const srv_target& one : known.targets) {
    text += (text.empty() ? "" : ", ") + one.host + ':' + std::to_string(one.port) + ' ' +
            std::to_string(one.priority) + '/' + std::to_string(one.weight);
    for (const auto& address : one.addresses) text += ' ' + to_string(address);
  }
  return text;
}

struct srv_laboratory : laboratory {
  resolver::ticket follow_srv(const std::string& name) {
    if (!under_test) start();
    return under_test->follow_srv(name, [this](const srv_resolution& known) { services.push_back(known); });
  }
  bool until_services(std::size_t times) {
    return until([&] { return services.size() >= times; });
  }

  std::vector<srv_resolution> services;
};

/// Records of _web._tcp.test, and of the hosts below it.
auto records(std::vector<dns_record> of_service, std::string host_address, bool comes_along = false) {
  return [=](const dns_question& question) {
    dns_reply reply;
    if (question.type == record_type::srv) {
      reply.records = of_service;
      if (comes_along) reply.additional = {{record_type::a, host_address, 60, "a.test"}};
    } else if (question.type == record_type::a && !host_address.empty()) {
      reply.records = {{record_type::a, host_address, 60}};
    }
    return reply;
  };
}

}  // namespace

TEST_CASE("resolver_srv: hosts that the answer does not bring along are looked up", "[connect][resolver][srv]") {
  srv_laboratory lab;
  lab.server.answer_with(
      records({{record_type::srv, "20 7 81 b.test", 60}, {record_type::srv, "10 5 80 A.test", 60}}, "10.0.0.9"));
  lab.follow_srv("_web._tcp.test");
  REQUIRE(lab.until_services(1));
  CHECK(described(lab.services[0]) == "a.test:80 10/5 10.0.0.9:0, b.test:81 20/7 10.0.0.9:0");
  CHECK_FALSE(lab.services[0].stale);
  CHECK(lab.services[0].error.empty());
}

TEST_CASE("resolver_srv: addresses in the additional section are not asked for", "[connect][resolver][srv]") {
  srv_laboratory lab;
  lab.server.answer_with(records({{record_type::srv, "0 1 80 a.test", 60}}, "10.0.0.1", true));
  lab.follow_srv("_web._tcp.test");
  REQUIRE(lab.until_services(1));
  CHECK(described(lab.services[0]) == "a.test:80 0/1 10.0.0.1:0");
  CHECK(lab.server.asked(record_type::a) == 0);
}

TEST_CASE("resolver_srv: a change shows when the TTL has run out", "[connect][resolver][srv][B8]") {
  srv_laboratory lab;
  lab.server.answer_with(records({{record_type::srv, "0 1 80 a.test", 0}}, "10.0.0.1", true));
  lab.follow_srv("_web._tcp.test");
  REQUIRE(lab.until_services(1));
  lab.server.answer_with(records({{record_type::srv, "0 1 80 a.test", 0}}, "10.0.0.2", true));
  REQUIRE(lab.until_services(2));
  CHECK(described(lab.services[1]) == "a.test:80 0/1 10.0.0.2:0");
}

TEST_CASE("resolver_srv: a host that can't be resolved keeps nobody else back", "[connect][resolver][srv]") {
  srv_laboratory lab;
  lab.settings.timeout = 1s;  // given up only after the others were told
  lab.server.answer_with([](const dns_question& question) {
    dns_reply reply;
    if (question.type == record_type::srv)
      reply.records = {{record_type::srv, "0 1 80 dead.test", 60}, {record_type::srv, "0 1 80 well.test", 60}};
    else if (question.name == "dead.test")
      reply.what = dns_reply::action::silence;
    else if (question.type == record_type::a)
      reply.records = {{record_type::a, "10.0.0.1", 60}};
    return reply;
  });
  lab.follow_srv("_web._tcp.test");
  REQUIRE(lab.until_services(1));
  CHECK(described(lab.services[0]) == "dead.test:80 0/1, well.test:80 0/1 10.0.0.1:0");
  REQUIRE(lab.until_services(2));
  CHECK(lab.services[1].stale);
  CHECK(lab.services[1].error.starts_with("dead.test: "));
}

TEST_CASE("resolver_srv: the last good answer outlives failures, and an empty one unless that is to count",
          "[connect][resolver][srv][B7]") {
  const bool applies = GENERATE(false, true);
  srv_laboratory lab;
  lab.rules.empty_applies = applies;
  lab.server.answer_with(records({{record_type::srv, "0 1 80 a.test", 0}}, "10.0.0.1", true));
  lab.follow_srv("_web._tcp.test");
  REQUIRE(lab.until_services(1));
  lab.server.answer_with(refuse(rcode_servfail));
  REQUIRE(lab.until_services(2));
  CHECK(lab.services[1].stale);
  CHECK(lab.services[1].targets == lab.services[0].targets);
  lab.server.answer_with(refuse(rcode_nxdomain));
  REQUIRE(lab.until_services(3));
  CHECK(lab.services[2].targets.empty() == applies);
  CHECK(lab.services[2].stale == !applies);
  lab.server.answer_with(records({{record_type::srv, "0 1 80 a.test", 0}}, "10.0.0.1", true));
  REQUIRE(lab.until_services(4));
  CHECK(lab.services[3] == lab.services[0]);
}

TEST_CASE("resolver_srv: a truncated answer is asked for again over TCP", "[connect][resolver][srv][B7]") {
  srv_laboratory lab;
  lab.server.answer_with([](const dns_question& question) {
    dns_reply reply;
    if (question.type != record_type::srv) return reply;
    reply.what = dns_reply::action::truncate;
    for (int i = 0; i < 1000; ++i) {
      const std::string host = 'h' + std::to_string(i) + ".test";
      reply.records.push_back({record_type::srv, "0 1 80 " + host, 60});
      reply.additional.push_back({record_type::a, "10.0.0.1", 60, host});
    }
    return reply;
  });
  lab.follow_srv("_web._tcp.test");
  REQUIRE(lab.until_services(1));
  CHECK(lab.services[0].targets.size() == 1000);
  CHECK(lab.services[0].targets[999].addresses.size() == 1);
}

TEST_CASE("resolver_srv: search domains are tried", "[connect][resolver][srv]") {
  srv_laboratory lab;
  lab.resolv().write("nameserver 127.0.0.1\nsearch test");
  lab.server.answer_with([](const dns_question& question) {
    dns_reply reply;
    if (question.name == "_web._tcp.test")
      return records({{record_type::srv, "0 1 80 a.test", 60}}, "10.0.0.1", true)(question);
    reply.rcode = rcode_nxdomain;
    return reply;
  });
  lab.follow_srv("_web._tcp");
  REQUIRE(lab.until_services(1));
  CHECK(lab.services[0].targets.size() == 1);
}

TEST_CASE("resolver_srv: hosts that left are forgotten with their records, and all with their follower",
          "[connect][resolver][srv]") {
  srv_laboratory lab;
  lab.server.answer_with(records({{record_type::srv, "0 1 80 old.test", 0}}, "10.0.0.1"));
  const resolver::ticket mine = lab.follow_srv("_web._tcp.test");
  REQUIRE(lab.until_services(1));
  lab.server.answer_with(records({{record_type::srv, "0 1 80 new.test", 0}}, "10.0.0.1"));
  REQUIRE(lab.until_services(2));
  CHECK(described(lab.services[1]) == "new.test:80 0/1 10.0.0.1:0");
  REQUIRE(lab.until_asked(4));
  const std::size_t before = lab.server.questions().size();
  REQUIRE(lab.until_asked(10));
  for (std::size_t i = before; i < lab.server.questions().size(); ++i)
    CHECK(lab.server.questions()[i].name != "old.test");
  lab.under_test->unfollow(mine);
  lab.follow("other.test");
  REQUIRE(lab.until_told(1));
  const std::size_t told = lab.services.size();
  REQUIRE(lab.until_asked(0));
  CHECK(lab.services.size() == told);
}
