#include <boost/json.hpp>

#include "cli/stand_ins.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::cli::testing;

TEST_CASE("check: it says that all is well in one line, warnings apart", "[cli][check]") {
  reset();
  current().loaded.config.services[0].listeners[0].listen.ports = {9000, 9009};
  current().loaded.diagnostics.push_back(finding(diagnostic::severity::warning, "odd", "looks odd"));
  const auto result = execute_with({"check", "-c", "sluice.toml"});
  CHECK(result.code == exit_code::done);
  CHECK(result.out == "sluice.toml: ok: 1 service, 10 listeners, 1 backend\n");
  CHECK(result.error == "sluice.toml: [odd]: looks odd\n");
  CHECK(execute_with({"check", "80=web:80"}).out.starts_with("command line: ok"));
  CHECK(execute_with({"check"}, {{"SLUICE_FORWARD", "80=web:80"}}).out.starts_with("environment: ok"));
}

TEST_CASE("check: nothing to check is wrong usage", "[cli][check]") {
  reset();
  CHECK(execute_with({"check"}).code == exit_code::usage);
  CHECK(execute_with({"config", "show"}).code == exit_code::usage);
}

TEST_CASE("check: --json gives the place, code, text and hint of each finding", "[cli][check]") {
  reset();
  refuse_configuration();
  current().loaded.diagnostics[0].related.emplace_back(source_location{"sluice.toml", 3, 1}, "first used here");
  const auto result = execute_with({"check", "--json", "-c", "sluice.toml"});
  CHECK(result.code == exit_code::bad_config);
  CHECK(result.error.empty());
  const auto answer = boost::json::parse(result.out).as_object();
  CHECK_FALSE(answer.at("ok").as_bool());
  const auto& first = answer.at("findings").as_array().at(0).as_object();
  CHECK(first.at("file").as_string() == "sluice.toml");
  CHECK(first.at("line").to_number<int>() == 12);
  CHECK(first.at("column").to_number<int>() == 8);
  CHECK(first.at("severity").as_string() == "error");
  CHECK(first.at("code").as_string() == "unknown-key");
  CHECK(first.at("text").as_string() == "no such key");
  CHECK(first.at("hint").as_string() == "a hint");
  CHECK(first.at("related").as_array().at(0).as_object().at("line").to_number<int>() == 3);

  reset();
  const auto good = boost::json::parse(execute_with({"check", "--json", "80=web:80"}).out).as_object();
  CHECK(good.at("ok").as_bool());
  CHECK(good.at("listeners").to_number<int>() == 1);
  CHECK(good.at("findings").as_array().empty());
}

TEST_CASE("config show: it prints what is in force, with origins when asked", "[cli][check]") {
  reset();
  CHECK(execute_with({"config", "show", "80=web:80"}).out == "version = 1\n");
  CHECK(execute_with({"config", "show", "--origin", "80=web:80"}).code == exit_code::done);
  CHECK(current().shown_with_origins == std::vector<bool>{false, true});
}
