#include "cli/command_line.hpp"

#include "support/catch.hpp"

using namespace sluice::cli;

namespace {

invocation parse(const std::vector<std::string>& arguments) { return parse_command_line(arguments); }

/// The hint of the usage_error that these arguments must cause.
std::string hint_for(const std::vector<std::string>& arguments) {
  try {
    parse(arguments);
  } catch (const usage_error& problem) {
    return problem.hint();
  }
  FAIL("no usage_error");
  return {};
}

}  // namespace

TEST_CASE("command line: without a verb it is run", "[cli][command_line]") {
  const auto call = parse({"8080=10.0.0.5:80", "-c", "a.toml", "90=web:90"});
  CHECK(call.verb->name == "run");
  CHECK_FALSE(call.verb_named);
  CHECK(call.value_of("config") == "a.toml");
  CHECK(call.words == std::vector<std::string>{"8080=10.0.0.5:80", "90=web:90"});
  CHECK(parse({}).verb->name == "run");
  CHECK(parse({"-q"}).verb->name == "run");
}

TEST_CASE("command line: verbs of one and two words", "[cli][command_line]") {
  CHECK(parse({"check", "--json"}).has("json"));
  CHECK(parse({"config", "show", "--origin"}).verb->name == "config show");
  CHECK(parse({"help", "config", "show"}).words == std::vector<std::string>{"config", "show"});
  CHECK(parse({"run"}).verb_named);
}

TEST_CASE("command line: common options may stand before the verb", "[cli][command_line]") {
  const auto call = parse({"--color", "never", "check", "-c", "a.toml"});
  CHECK(call.verb->name == "check");
  CHECK(call.value_of("color") == "never");
  CHECK(parse({"--color=always", "-h", "demo"}).verb->name == "demo");
}

TEST_CASE("command line: both forms of an option, and the last one counts", "[cli][command_line]") {
  CHECK(parse({"--log-level=debug"}).value_of("log-level") == "debug");
  CHECK(parse({"--log-level", "debug", "--log-level", "error"}).value_of("log-level") == "error");
  CHECK(parse({"-ca.toml"}).value_of("config") == "a.toml");
  CHECK(parse({"-qV"}).has("version"));
  CHECK(parse({"--", "80=web:80"}).words == std::vector<std::string>{"80=web:80"});
}

TEST_CASE("command line: a wrong verb or option gets the nearest right one", "[cli][command_line]") {
  CHECK(hint_for({"chekc"}) == "did you mean \"check\"?");
  CHECK(hint_for({"run", "--log-levle", "debug"}) == "did you mean \"--log-level\"?");
  CHECK(hint_for({"--worker", "2"}) == "did you mean \"--workers\"?");
  CHECK(hint_for({"check", "-z"}) == "`sluice help check` lists the options");
  CHECK(hint_for({"teapot"}) == "`sluice help` lists the verbs");
}

TEST_CASE("command line: common slips are explained", "[cli][command_line]") {
  CHECK(hint_for({"sluice.toml"}) == "to run a file: sluice -c sluice.toml");
  CHECK(hint_for({"8080:10.0.0.5:80"}).find("LISTEN=TARGET") != std::string::npos);
  CHECK(hint_for({"-c", "a.toml", "check"}) == "as in: sluice check [OPTIONS]");
  CHECK(hint_for({"config"}) == "as in: sluice config show");
  CHECK(hint_for({"demo", "now"}).find("sluice demo") != std::string::npos);
}

TEST_CASE("command line: values are required, refused and checked as the table says", "[cli][command_line]") {
  CHECK_THROWS_AS(parse({"-c"}), usage_error);
  CHECK_THROWS_AS(parse({"--config="}), usage_error);
  CHECK_THROWS_AS(parse({"--quiet=yes"}), usage_error);
  CHECK(hint_for({"--log-format", "xml"}) == "it takes one of: auto, text, json");
  CHECK(hint_for({"--color", "blue"}) == "it takes one of: auto, always, never");
}
