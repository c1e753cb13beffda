#include "cli/completion.hpp"

#include <algorithm>

#include "cli/completion_command.hpp"
#include "cli/stand_ins.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::cli;
using namespace sluice::cli::testing;

// test/docs/completion.py has the shells themselves complete.

TEST_CASE("completion: every shell's script names every verb, option and choice", "[cli][completion]") {
  for (const auto shell : shells()) {
    const auto [code, script, error] = execute_with({"completion", std::string(shell)});
    CHECK(code == exit_code::done);
    CHECK(error.empty());
    CAPTURE(script);
    for (const auto& verb : verbs()) {
      CHECK(script.find(verb.name) != std::string::npos);
      for (const auto& option : all_options(verb)) {
        // fish's `complete` has the long name without its dashes.
        CHECK(script.find((shell == "fish" ? "-l " : "--") + std::string(option.name)) != std::string::npos);
        CHECK(script.find(in_a_row(split_choices(option.choices))) != std::string::npos);
      }
    }
  }
}

TEST_CASE("completion: another shell is wrong usage, and so are none and two", "[cli][completion]") {
  CHECK(execute_with({"completion", "tcsh"}).code == exit_code::usage);
  CHECK(execute_with({"completion", "tcsh"}).error.find("bash, zsh, fish") != std::string::npos);
  CHECK(execute_with({"completion"}).code == exit_code::usage);
  CHECK(execute_with({"completion", "bash", "zsh"}).code == exit_code::usage);
}

TEST_CASE("completion: verbs of two words come apart", "[cli][completion]") {
  const auto firsts = first_words();
  CHECK(std::ranges::count(firsts, "config") == 1);
  CHECK(std::ranges::count(firsts, "config show") == 0);
  CHECK(second_words("config") == std::vector<std::string_view>{"show", "schema"});
  CHECK(second_words("run").empty());
}

TEST_CASE("completion: a quoted text is one word of the shell", "[cli][completion]") {
  CHECK(in_single_quotes("it's $HOME") == R"('it'\''s $HOME')");
}
