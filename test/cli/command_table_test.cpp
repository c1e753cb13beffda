#include "cli/command_table.hpp"

#include <algorithm>
#include <set>
#include <sstream>
#include <string>

#include "cli/command_line.hpp"
#include "cli/help.hpp"
#include "support/catch.hpp"

using namespace sluice::cli;

namespace {

void check_fits_a_screen(const std::string& text) {
  CAPTURE(text);
  CHECK(std::ranges::count(text, '\n') <= 24);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 80);
}

/// The command of an example as the parser gets it: without "sluice".
std::vector<std::string> arguments_of(const example& each) {
  std::istringstream words{std::string(each.command)};
  std::vector<std::string> arguments;
  for (std::string word; words >> word;) arguments.push_back(word);
  REQUIRE(arguments.front() == "sluice");
  arguments.erase(arguments.begin());
  return arguments;
}

}  // namespace

TEST_CASE("command table: every verb and option is documented, and names are unique", "[cli][table]") {
  std::set<std::string_view> names;
  for (const auto& verb : verbs()) {
    CAPTURE(verb.name);
    CHECK(names.insert(verb.name).second);
    CHECK_FALSE(verb.summary.empty());
    CHECK_FALSE(verb.examples.empty());
    CHECK(verb.usage.starts_with("sluice "));
    CHECK(verb.command != nullptr);
    std::set<std::string_view> options;
    std::set<char> letters;
    for (const auto& option : all_options(verb)) {
      CAPTURE(option.name);
      CHECK(options.insert(option.name).second);
      CHECK((option.letter == 0 || letters.insert(option.letter).second));
      CHECK_FALSE(option.help.empty());
      CHECK((option.choices.empty() || !option.argument.empty()));
    }
  }
}

TEST_CASE("command table: help fits a screen and names every option", "[cli][help]") {
  check_fits_a_screen(overview());
  for (const auto& verb : verbs()) {
    CHECK(overview().find(verb.name) != std::string::npos);
    const auto text = verb_help(verb);
    check_fits_a_screen(text);
    for (const auto& option : all_options(verb)) CHECK(text.find("--" + std::string(option.name)) != std::string::npos);
  }
}

TEST_CASE("command table: the first screen has two examples to paste", "[cli][help]") {
  CHECK(overview().find("sluice 8080=10.0.0.5:80") != std::string::npos);
  CHECK(overview().find("sluice -c /etc/sluice/sluice.toml") != std::string::npos);
}

TEST_CASE("command table: every example is a command line that parses, for the verb it explains", "[cli][table]") {
  for (const auto& verb : verbs()) {
    for (const auto& each : verb.examples) {
      CAPTURE(each.command);
      const auto arguments = arguments_of(each);
      const auto call = parse_command_line(arguments);
      CHECK(call.verb->name == verb.name);
    }
  }
}

TEST_CASE("command table: choices come apart", "[cli][table]") {
  CHECK(split_choices("auto|text|json") == std::vector<std::string_view>{"auto", "text", "json"});
  CHECK(split_choices("").empty());
}
