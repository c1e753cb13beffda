#include "connect/health_plan.hpp"

#include <stdexcept>
#include <string>

#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::connect;
using namespace std::string_literals;

namespace {

health_plan plan_of(health_check check) {
  health_config settings;
  settings.check = check;
  return make_health_plan(settings);
}

bool good(const health_plan& plan, const std::string& answer, std::size_t step = 0) {
  return matches(plan.steps.at(step), answer) == match_result::yes;
}

}  // namespace

TEST_CASE("health plan: redis is up when it answers or wants a password, not while it loads", "[connect][health]") {
  const health_plan redis = plan_of(health_check::redis);
  CHECK(good(redis, "+PONG\r\n"));
  CHECK(good(redis, "-NOAUTH Authentication required.\r\n"));
  CHECK(!good(redis, "-LOADING Redis is loading the dataset in memory\r\n"));
  CHECK(!good(redis, "-MASTERDOWN Link with MASTER is down\r\n"));
  CHECK(!good(redis, "+PO"));
}

TEST_CASE("health plan: postgres is up when it asks for a password or refuses the user", "[connect][health]") {
  const health_plan postgres = plan_of(health_check::postgres);
  CHECK(good(postgres, "R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"s));
  CHECK(good(postgres, "E\0\0\0\x62SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry\0\0"s));
  CHECK(good(postgres, "E\0\0\0\x62SFATAL\0VFATAL\0C3D000\0Mdatabase\0\0"s));
  CHECK(!good(postgres, "E\0\0\0\x62SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up C28\0\0"s));
  CHECK(!good(postgres, "E\0\0\0\x62SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0"s));
  CHECK(postgres.steps.at(0).send.size() == 21);
}

TEST_CASE("health plan: mysql greets first, and any answer to a login will do", "[connect][health]") {
  const health_plan mysql = plan_of(health_check::mysql);
  CHECK(mysql.steps.at(0).send.empty());
  CHECK(good(mysql, "\x5f\0\0\0\x0a"s + "10.11.6-MariaDB\0rest"s));
  CHECK(!good(mysql, "\x17\0\0\0\xff\x10\x04Too many connections"s));
  CHECK(!good(mysql, "\x5f\0\0\0\x0a"s + "10.11"s));  // not all of it
  CHECK(good(mysql, "\7\0\0\2\0\0\0\2\0\0\0"s, 1));
  CHECK(good(mysql, "\x48\0\0\2\xff\x15\x04#28000Access denied"s, 1));
  CHECK(!good(mysql, "\x48\0\0\1\0"s, 1));
}

TEST_CASE("health plan: smtp is up when it says 220", "[connect][health]") {
  const health_plan smtp = plan_of(health_check::smtp);
  CHECK(good(smtp, "220 mail ESMTP\r\n"));
  CHECK(good(smtp, "220-mail\r\n"));
  CHECK(!good(smtp, "421 too busy\r\n"));
  CHECK(!good(smtp, "554 go away\r\n"));
}

TEST_CASE("health plan: texts, bytes and expressions of one's own", "[connect][health]") {
  health_config settings;
  settings.check = health_check::send_expect;
  settings.send_hex = "00ff 0D0a";
  settings.expect_hex = "CAFE";
  const health_plan bytes = make_health_plan(settings);
  CHECK(bytes.steps.at(0).send == "\0\xff\r\n"s);
  CHECK(good(bytes, "x\xca\xfey"));
  CHECK(!good(bytes, "CAFE"));
  settings.expect_hex.clear();
  settings.expect_regex = "^imok$|^ready [0-9]+";
  CHECK(good(make_health_plan(settings), "imok"));
  CHECK(good(make_health_plan(settings), "ready 12"));
  CHECK(!good(make_health_plan(settings), "already 12"));
  settings.expect_regex = "(";
  CHECK_THROWS_AS(make_health_plan(settings), std::runtime_error);
}

TEST_CASE("health plan: an expression that backtracks without end is given up", "[connect][health]") {
  health_config settings;
  settings.check = health_check::send_expect;
  settings.expect_regex = "^(a+)+(b+)+c$";
  const health_plan plan = make_health_plan(settings);
  CHECK(matches(plan.steps.at(0), std::string(health_plan::most_answer_bytes, 'a')) != match_result::yes);
  settings.expect_regex = "^(.|\\n)*Z$";  // a stack frame a byte, for an engine that recurses
  CHECK(matches(make_health_plan(settings).steps.at(0), std::string(health_plan::most_answer_bytes, 'a')) !=
        match_result::yes);
}

TEST_CASE("health plan: status codes by ranges and lists", "[connect][health]") {
  health_config settings;
  settings.check = health_check::http;
  settings.status = "200,204,300-399";
  const health_plan plan = make_health_plan(settings);
  for (const unsigned code : {200U, 204U, 300U, 399U}) CHECK(plan.is_good_status(code));
  for (const unsigned code : {100U, 201U, 299U, 400U, 503U}) CHECK(!plan.is_good_status(code));
  for (const char* wrong : {"", "2xx", "200-", "399-200", "200,", "99", "600", "200 204"}) {
    CAPTURE(wrong);
    CHECK(!parse_status(wrong));
  }
}

TEST_CASE("health plan: an excerpt shows what can't be printed, and is short", "[connect][health]") {
  CHECK(excerpt("a\r\n\x01\xff") == R"("a\r\n\x01\xff")");
  CHECK(excerpt(std::string(200, 'x')) == '"' + std::string(100, 'x') + "\"...");
}
