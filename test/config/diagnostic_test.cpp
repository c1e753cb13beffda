#include "config_text.hpp"

#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

diagnostic sample() {
  diagnostic value;
  value.where = {"a.toml", 3, 8};
  value.code = "bad-value";
  value.text = "something is wrong";
  value.source_line = "level = \"x\"";
  value.width = 3;
  value.hint = "mend it";
  value.where.column = 9;
  return value;
}

}  // namespace

TEST_CASE("diagnostic: place, code, text, line, caret run and hint", "[config][diagnostic]") {
  CHECK(to_text(sample(), false) ==
        "a.toml:3:9: error[bad-value]: something is wrong\n"
        "  level = \"x\"\n"
        "          ^^^\n"
        "  hint: mend it\n");
}

TEST_CASE("diagnostic: a warning says so, and what is absent takes no line", "[config][diagnostic]") {
  diagnostic value = sample();
  value.level = diagnostic::severity::warning;
  value.source_line.clear();
  value.hint.clear();
  CHECK(to_text(value, false) == "a.toml:3:9: warning[bad-value]: something is wrong\n");
}

TEST_CASE("diagnostic: colour only when asked for", "[config][diagnostic]") {
  CHECK(to_text(sample(), false).find('\033') == std::string::npos);
  const std::string coloured = to_text(sample(), true);
  CHECK(coloured.find("\033[1;31merror[bad-value]\033[0m") != std::string::npos);
  CHECK(coloured.find("\033[1;31m^^^\033[0m") != std::string::npos);
}

TEST_CASE("diagnostic: the caret stands under the value behind tabs and wide letters", "[config][diagnostic]") {
  diagnostic value = sample();
  value.source_line = "\t\xC3\xBC = 5";
  value.where.column = 6;
  value.width = 1;
  value.hint.clear();
  CHECK(to_text(value, false) ==
        "a.toml:3:6: error[bad-value]: something is wrong\n"
        "  \t\xC3\xBC = 5\n"
        "  \t    ^\n");
}

TEST_CASE("diagnostic: a run never leaves its line", "[config][diagnostic]") {
  diagnostic value = sample();
  value.width = 500;
  CHECK(to_text(value, false).find("          ^^^\n") != std::string::npos);
  value.where.column = 900;
  CHECK(to_text(value, false).find("^\n") != std::string::npos);
}

TEST_CASE("diagnostic: long lines are cut around the caret", "[config][diagnostic]") {
  diagnostic value = sample();
  value.source_line = std::string(1000, 'a') + "HERE" + std::string(1000, 'b');
  value.where.column = 1001;
  value.width = 4;
  const std::string text = to_text(value, false);
  CHECK(text.size() < 600);
  const std::size_t line = text.find("  ...a") + 2;
  const std::size_t run = text.find('\n', line) + 3;
  CHECK(text.substr(line + (text.find('^', run) - run), 4) == "HERE");
}

TEST_CASE("diagnostic: nothing a file holds can steer the terminal", "[config][diagnostic]") {
  const load_result result =
      load_text("forward.1 = \"b\\u001b[2J:1\"\n[log]\nlevel = \"\\u001b]0;x\\u0007\"\n\"a\\u001b\" = 1");
  REQUIRE(result.diagnostics.size() == 3);
  CHECK(messages(result).find('\033') == std::string::npos);
  CHECK(messages(result).find('\007') == std::string::npos);
  diagnostic value = sample();
  value.source_line = "a\033[2Jb";
  CHECK(to_text(value, false).find('\033') == std::string::npos);
}

TEST_CASE("diagnostic: a location without lines is just its source", "[config][diagnostic]") {
  CHECK(to_string(source_location{"command line", 0, 0}) == "command line");
  CHECK(to_string(source_location{"a.toml", 12, 8}) == "a.toml:12:8");
}
