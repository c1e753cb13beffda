#include "cli/console.hpp"

#include <array>
#include <iostream>

#include "support/catch.hpp"

using namespace sluice::cli;

TEST_CASE("console: the environment is taken apart at the first equals sign", "[cli][console]") {
  std::string first = "SLUICE_FORWARD=80=web:80";
  std::string second = "EMPTY=";
  std::string odd = "no equals sign";
  std::array<char*, 4> variables = {first.data(), second.data(), odd.data(), nullptr};
  const auto around = process_surroundings(variables.data());
  REQUIRE(around.variables.size() == 2);
  CHECK(lookup(around.variables, "SLUICE_FORWARD") == "80=web:80");
  CHECK(lookup(around.variables, "EMPTY").empty());
  CHECK(lookup(around.variables, "ABSENT").empty());
  CHECK(around.is_own("192.0.2.1"));  // the stand-in for the kernel's word
}

TEST_CASE("console: colour follows --color, NO_COLOR and the terminal", "[cli][console]") {
  surroundings around{.out = std::cout, .error = std::cerr, .variables = {{"TERM", "xterm"}}};
  CHECK_FALSE(wants_colour(around, "auto"));
  CHECK(wants_colour(around, "always"));
  around.error_is_terminal = true;
  CHECK(wants_colour(around, "auto"));
  CHECK(wants_colour(around, ""));
  CHECK_FALSE(wants_colour(around, "never"));
  around.variables = {{"NO_COLOR", "1"}};
  CHECK_FALSE(wants_colour(around, "auto"));
  around.variables = {{"NO_COLOR", ""}};
  CHECK(wants_colour(around, "auto"));
  around.variables = {{"TERM", "dumb"}};
  CHECK_FALSE(wants_colour(around, "auto"));
}
