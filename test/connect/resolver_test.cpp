#include "connect/resolver.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "connect/resolver_laboratory.hpp"
#include "support/catch.hpp"

using namespace sluice::connect;
using namespace sluice::test;
using namespace std::chrono_literals;
using action = dns_reply::action;

TEST_CASE("resolver: a name has the addresses of both families", "[connect][resolver]") {
  laboratory lab;
  lab.settings.timeout = 5s;  // nothing is asked twice
  // ::1 is reachable wherever there is IPv6 at all.
  lab.server.answer_with(always("10.0.0.1", "::1", 60));
  lab.follow("db.example");
  REQUIRE(lab.until_told(1));
  CHECK(lab.told[0].name == "db.example");
  CHECK((joined(lab.told[0]) == "[::1]:0 10.0.0.1:0" || joined(lab.told[0]) == "10.0.0.1:0 [::1]:0"));
  CHECK_FALSE(lab.told[0].stale);
  CHECK(lab.told[0].error.empty());
  CHECK(lab.server.questions().size() == 2);
}

TEST_CASE("resolver: the handler is not called from follow", "[connect][resolver]") {
  laboratory lab;
  lab.follow("127.0.0.1");
  CHECK(lab.told.empty());
  REQUIRE(lab.until_told(1));
  CHECK(joined(lab.told[0]) == "127.0.0.1:0");
  CHECK(lab.server.questions().empty());
}

TEST_CASE("resolver: a change shows when the TTL has run out, not before", "[connect][resolver]") {
  laboratory lab;
  lab.rules.ttl_floor = 1s;
  lab.server.answer_with(always("10.0.0.1", "", 1));
  lab.follow("db.example");
  REQUIRE(lab.until_told(1));
  const auto first = std::chrono::steady_clock::now();
  lab.server.answer_with(always("10.0.0.2", "", 1));
  REQUIRE(lab.until_told(2));
  const auto took = std::chrono::steady_clock::now() - first;
  CHECK(joined(lab.told[1]) == "10.0.0.2:0");
  CHECK(took > 900ms);
  CHECK(took < 2s);
}

TEST_CASE("resolver: the same answer again is told once", "[connect][resolver]") {
  laboratory lab;
  bool turned = false;
  lab.server.answer_with([&](const dns_question& question) {
    dns_reply reply;
    if (question.type != record_type::a) return reply;
    reply.records = {{record_type::a, "10.0.0.1", 0}, {record_type::a, "10.0.0.2", 0}};
    if (turned) std::swap(reply.records[0], reply.records[1]);
    turned = !turned;
    return reply;
  });
  lab.follow("db.example");
  REQUIRE(lab.until_asked(12));
  CHECK(lab.told.size() == 1);
  CHECK(joined(lab.told[0]) == "10.0.0.1:0 10.0.0.2:0");
}

TEST_CASE("resolver: the last good answer outlives every kind of failure, and recovers", "[connect][resolver][B7]") {
  laboratory lab;
  lab.server.answer_with(always("10.0.0.1"));
  lab.follow("db.example");
  REQUIRE(lab.until_told(1));

  const int how = GENERATE(0, 1, 2, 3, 4);
  CAPTURE(how);
  switch (how) {
    case 0: lab.server.answer_with(refuse(rcode_nxdomain)); break;
    case 1: lab.server.answer_with(refuse(rcode_servfail)); break;
    case 2: lab.server.answer_with(silent); break;
    case 3: lab.server.answer_with(always("", "")); break;
    default:  // a CNAME that leads to itself
      lab.server.answer_with([](const dns_question& question) {
        dns_reply reply;
        reply.records = {{record_type::cname, question.name, 0}};
        return reply;
      });
  }
  REQUIRE(lab.until_told(2));
  CHECK(joined(lab.told[1]) == "10.0.0.1:0");
  CHECK(lab.told[1].stale);
  CHECK_FALSE(lab.told[1].error.empty());
  REQUIRE(lab.until_asked(6));
  CHECK(lab.told.size() == 2);

  lab.server.answer_with(always("10.0.0.3"));
  REQUIRE(lab.until_told(3));
  CHECK(joined(lab.told[2]) == "10.0.0.3:0");
  CHECK_FALSE(lab.told[2].stale);
  CHECK(lab.told[2].error.empty());
}

TEST_CASE("resolver: a first look-up that fails is told too", "[connect][resolver]") {
  laboratory lab;
  lab.server.answer_with(refuse(rcode_nxdomain));
  lab.follow("db.example");
  REQUIRE(lab.until_told(1));
  CHECK(lab.told[0].addresses.empty());
  CHECK(lab.told[0].stale);
  CHECK_FALSE(lab.told[0].error.empty());
}

TEST_CASE("resolver: a truncated answer is asked for again over TCP", "[connect][resolver][B7]") {
  laboratory lab;
  constexpr std::size_t many = 1'000;
  lab.server.answer_with([&](const dns_question& question) {
    dns_reply reply;
    reply.what = action::truncate;
    for (std::size_t i = 0; i < many && question.type == record_type::a; ++i) {
      reply.records.push_back({record_type::a, "10.1." + std::to_string(i / 250) + '.' + std::to_string(i % 250), 60});
    }
    return reply;
  });
  lab.follow("db.example");
  REQUIRE(lab.until_told(1));
  CHECK(lab.told[0].addresses.size() == many);
  CHECK_FALSE(lab.told[0].stale);
}

TEST_CASE("resolver: an answer under a wrong id is not believed", "[connect][resolver][B7]") {
  laboratory lab;
  lab.server.answer_with([](const dns_question& question) {
    dns_reply reply = both(question, "10.0.0.1", "", 60);
    reply.what = action::spoof_first;
    return reply;
  });
  lab.follow("db.example");
  REQUIRE(lab.until_told(1));
  CHECK(joined(lab.told[0]) == "10.0.0.1:0");
}

TEST_CASE("resolver: a server that drops AAAA does not delay what A says", "[connect][resolver]") {
  laboratory lab;
  lab.settings.timeout = 3s;
  lab.server.answer_with([](const dns_question& question) {
    return question.type == record_type::a ? both(question, "10.0.0.1", "", 0) : silent(question);
  });
  lab.follow("db.example");
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(lab.until_told(1));
  CHECK(std::chrono::steady_clock::now() - start < 1s);
  CHECK(joined(lab.told[0]) == "10.0.0.1:0");
  CHECK_FALSE(lab.told[0].stale);
}

TEST_CASE("resolver: the least TTL of a chain of names counts", "[connect][resolver]") {
  laboratory lab;
  lab.server.answer_with([](const dns_question& question) {
    dns_reply reply;
    if (question.type != record_type::a) return reply;
    reply.records = {{record_type::cname, "real.example", 0}, {record_type::a, "10.0.0.1", 3'600}};
    return reply;
  });
  lab.follow("alias.example");
  REQUIRE(lab.until_told(1));
  CHECK(lab.until_asked(4));
}

TEST_CASE("resolver: search domains of resolv.conf are tried, and a changed file is noticed", "[connect][resolver]") {
  laboratory lab("search one.example");
  const auto knows = [](std::string domain) {
    return [domain = std::move(domain)](const dns_question& question) {
      return question.name == "db." + domain ? both(question, "10.0.0.1", "", 0) : refuse(rcode_nxdomain)(question);
    };
  };
  lab.server.answer_with(knows("one.example"));
  lab.follow("db");
  REQUIRE(lab.until_told(1));
  CHECK(joined(lab.told[0]) == "10.0.0.1:0");

  lab.server.answer_with(knows("two.example"));
  REQUIRE(lab.until_told(2));
  CHECK(lab.told[1].stale);
  lab.resolv().write("search two.example");
  REQUIRE(lab.until_told(3));
  CHECK_FALSE(lab.told[2].stale);
}

TEST_CASE("resolver: localhost is loopback though no file says so, and DNS is not asked", "[connect][resolver]") {
  laboratory lab;
  lab.server.answer_with(always("10.6.6.6", "2001:db8::6"));
  lab.follow("Sluice-Test.LocalHost");
  REQUIRE(lab.until_told(1));
  CHECK(joined(lab.told[0]).find("127.0.0.1:0") != std::string::npos);
  CHECK(lab.server.questions().empty());
}

TEST_CASE("resolver: /etc/hosts is final", "[connect][resolver]") {
  std::ifstream hosts("/etc/hosts");
  std::string found;
  for (std::string line; found.empty() && std::getline(hosts, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string address, name;
    if (words >> address >> name && name.find("localhost") == std::string::npos) found = name;
  }
  if (found.empty()) {
    WARN("/etc/hosts holds no name but localhost: using that");
    found = "localhost";
  }
  CAPTURE(found);
  laboratory lab;
  lab.server.answer_with(always("10.6.6.6", "2001:db8::6"));
  lab.follow(found);
  REQUIRE(lab.until_told(1));
  CHECK_FALSE(lab.told[0].addresses.empty());
  CHECK(joined(lab.told[0]).find("10.6.6.6") == std::string::npos);
  CHECK(lab.server.questions().empty());
}

TEST_CASE("resolver: many names at once are answered each", "[connect][resolver]") {
  laboratory lab;
  lab.server.answer_with(
      [](const dns_question& question) { return both(question, "10.0.0." + question.name.substr(1, 2), "", 60); });
  for (int i = 10; i < 60; ++i) lab.follow('n' + std::to_string(i) + ".example");
  REQUIRE(lab.until_told(50));
  for (const resolution& known : lab.told) CHECK(joined(known) == "10.0.0." + known.name.substr(1, 2) + ":0");
}

TEST_CASE("resolver: a second follower of a name is told what is known", "[connect][resolver]") {
  laboratory lab;
  lab.settings.timeout = 5s;  // nothing is asked twice
  lab.server.answer_with(always("10.0.0.1", "", 60));
  lab.follow("db.example");
  REQUIRE(lab.until_told(1));
  lab.follow("db.example");
  CHECK(lab.told.size() == 1);
  REQUIRE(lab.until_told(2));
  CHECK(joined(lab.told[1]) == "10.0.0.1:0");
  CHECK(lab.server.asked(record_type::a) == 1);
}

TEST_CASE("resolver: its end leaves no descriptor and calls nobody", "[connect][resolver]") {
  laboratory lab;
  const std::size_t before = open_descriptors();
  SECTION("while questions are under way") {
    lab.server.answer_with(silent);
    lab.settings.timeout = 5s;
    lab.follow("db.example");
    REQUIRE(lab.until_asked(2));
    lab.under_test.reset();
  }
  SECTION("from the handler, after a truncated answer") {
    lab.server.answer_with([](const dns_question& question) {
      dns_reply reply = both(question, "10.0.0.1", "::1", 0);
      reply.what = action::truncate;
      return reply;
    });
    lab.start();
    lab.under_test->follow("db.example", [&](const resolution& known) {
      lab.told.push_back(known);
      lab.under_test.reset();
    });
    REQUIRE(lab.until_told(1));
  }
  SECTION("with an answer on its way") {
    lab.server.answer_with(always("10.0.0.1"));
    lab.follow("db.example");
    REQUIRE(lab.until([&] { return lab.server.questions().size() == 2; }));
    lab.under_test.reset();
  }
  const std::size_t told = lab.told.size();
  lab.io.poll();
  CHECK(lab.told.size() == told);
  CHECK(open_descriptors() == before);
}

TEST_CASE("resolver: round after round it holds no more descriptors", "[connect][resolver]") {
  laboratory lab;
  lab.server.answer_with(always("10.0.0.1", "::1"));
  lab.follow("db.example");
  REQUIRE(lab.until_asked(2));
  const std::size_t early = open_descriptors();
  REQUIRE(lab.until_asked(40));
  CHECK(open_descriptors() <= early + 1);
}

TEST_CASE("resolver: servers are an IP, with a port or without", "[connect][resolver]") {
  laboratory lab;
  const std::string good = GENERATE(as<std::string>(), "127.0.0.1", "127.0.0.1:5353", "::1", "[::1]", "[::1]:5353");
  lab.settings.servers = {"10.0.0.53", good};
  CHECK_NOTHROW(lab.start());
}

TEST_CASE("resolver: a server that is none is refused by name", "[connect][resolver]") {
  laboratory lab;
  const std::string bad = GENERATE(as<std::string>(), "", "dns.example", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:70000",
                                   "127.0.0.1:5x", "[::1", "[]:53", "1.2.3");
  CAPTURE(bad);
  lab.settings.servers = {bad};
  CHECK_THROWS_AS(lab.start(), std::runtime_error);
}

TEST_CASE("resolver: a name with a thousand addresses has them all", "[connect][resolver][B7]") {
  laboratory lab;
  lab.server.answer_with([](const dns_question& question) {
    dns_reply reply;
    reply.what = action::truncate;
    for (int i = 0; question.type == record_type::a && i < 1000; ++i)
      reply.records.push_back({record_type::a, "10.0." + std::to_string(i / 250) + '.' + std::to_string(i % 250), 60});
    return reply;
  });
  lab.follow("many.test");
  REQUIRE(lab.until_told(1));
  CHECK(lab.told[0].addresses.size() == 1000);
}

TEST_CASE("resolver: names that lead round in a circle are a failure, asked for ever more rarely",
          "[connect][resolver][B7]") {
  laboratory lab;
  lab.server.answer_with(always("10.0.0.1"));
  lab.follow("name.test");
  REQUIRE(lab.until_told(1));
  lab.server.answer_with([](const dns_question& question) {
    dns_reply reply;
    reply.records = {{record_type::cname, "other.test", 0},
                     {record_type::cname, "name.test", 0, "other.test"},
                     {record_type::cname, question.name, 0, "name.test"}};
    return reply;
  });
  REQUIRE(lab.until_told(2));
  CHECK(lab.told[1].stale);
  CHECK(joined(lab.told[1]) == "10.0.0.1:0");
}

TEST_CASE("resolver: where that is wanted, an answer without a record takes the addresses away",
          "[connect][resolver][B7]") {
  laboratory lab;
  lab.rules.empty_applies = true;
  lab.server.answer_with(always("10.0.0.1", "::1"));
  lab.follow("name.test");
  REQUIRE(lab.until_told(1));
  const bool as_nxdomain = GENERATE(false, true);
  SECTION("but a server that fails does not") {
    lab.server.answer_with(refuse(rcode_servfail));
    REQUIRE(lab.until_told(2));
    CHECK(lab.told[1].addresses.size() == 2);
    CHECK(lab.told[1].stale);
  }
  lab.server.answer_with(as_nxdomain ? scripted_dns_server::script(refuse(rcode_nxdomain)) : always(""));
  REQUIRE(lab.until([&] { return lab.told.back().addresses.empty(); }));
  CHECK_FALSE(lab.told.back().stale);
}

TEST_CASE("resolver: a name that nobody follows any more is not asked for", "[connect][resolver]") {
  laboratory lab;
  lab.server.answer_with(always("10.0.0.1"));
  lab.start();
  std::vector<std::string> told;
  const auto note = [&](const resolution& known) { told.push_back(known.name); };
  const resolver::ticket first = lab.under_test->follow("gone.test", note);
  const resolver::ticket second = lab.under_test->follow("gone.test", note);
  lab.follow("here.test");
  REQUIRE(lab.until([&] { return told.size() == 2; }));
  lab.under_test->unfollow(first);
  lab.under_test->unfollow(second);
  REQUIRE(lab.until_asked(2));  // what was under way
  const std::size_t before = lab.server.questions().size();
  REQUIRE(lab.until_asked(20));
  for (std::size_t i = before; i < lab.server.questions().size(); ++i)
    CHECK(lab.server.questions()[i].name == "here.test");
}
