#include "cli/sources.hpp"

#include <iostream>

#include "support/catch.hpp"

using namespace sluice::cli;

namespace {

surroundings around_with(environment variables, std::string default_file = "/nowhere/sluice.toml") {
  return {
      .out = std::cout, .error = std::cerr, .variables = std::move(variables), .default_file = std::move(default_file)};
}

std::optional<sluice::config_sources> gather(const std::vector<std::string>& arguments, const surroundings& around) {
  return gather_sources(parse_command_line(arguments), around);
}

}  // namespace

TEST_CASE("sources: the default file is read only when nothing else is asked for", "[cli][sources]") {
  const std::string there = "/proc/self/status";
  CHECK(gather({}, around_with({}, there))->file == there);
  CHECK(gather({"--workers", "2"}, around_with({}, there))->file == there);
  CHECK(gather({"80=web:80"}, around_with({}, there))->file.empty());
  CHECK(gather({}, around_with({{"SLUICE_FORWARD", "80=web:80"}}, there))->file.empty());
  CHECK(gather({}, around_with({{"SLUICE_CONFIG", "version = 1"}}, there))->file.empty());
  CHECK(gather({}, around_with({{"SLUICE_FORWARD", ""}}, there))->file == there);
  CHECK(gather({"-c", "a.toml"}, around_with({}, there))->file == "a.toml");
  CHECK_FALSE(gather({}, around_with({})));
}

TEST_CASE("sources: whoever loads may ask which addresses are this machine's", "[cli][sources]") {
  auto around = around_with({});
  CHECK_FALSE(gather({"80=web:80"}, around)->is_own);
  around.is_own = [](const std::string& literal) { return literal == "10.0.0.1"; };
  CHECK(gather({"80=web:80"}, around)->is_own("10.0.0.1"));
}

TEST_CASE("sources: options name the key they set and where it was set", "[cli][sources]") {
  const auto list = gather({"80=web:80", "--workers", "2", "--log-format", "json"}, around_with({}))->options;
  REQUIRE(list.size() == 2);
  CHECK(list[0].key == "limits.workers");
  CHECK(list[0].value == "2");
  CHECK(list[0].origin == "--workers");
  CHECK(list[1].key == "log.format");
}

TEST_CASE("sources: quiet and verbose are levels, and an explicit level wins over them", "[cli][sources]") {
  const auto quiet = gather({"80=web:80", "-q"}, around_with({}))->options;
  REQUIRE(quiet.size() == 2);
  CHECK(quiet[0].key == "log.level");
  CHECK(quiet[0].value == "error");
  CHECK(quiet[1].key == "log.access");
  CHECK(quiet[1].value == "false");
  const auto both = gather({"80=web:80", "-v", "--log-level", "warning"}, around_with({}))->options;
  REQUIRE(both.size() == 1);
  CHECK(both[0].value == "warning");
  CHECK_THROWS_AS(gather({"80=web:80", "-q", "-v"}, around_with({})), usage_error);
}

TEST_CASE("sources: an empty -c is a mistake, not the absence of a file", "[cli][sources]") {
  CHECK_THROWS_AS(gather({"-c", "", "80=web:80"}, around_with({})), usage_error);
  CHECK_THROWS_AS(gather({"-c", ""}, around_with({}, "/proc/self/status")), usage_error);
}
