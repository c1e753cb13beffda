#include "cli/execute.hpp"

#include "cli/stand_ins.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::cli::testing;

TEST_CASE("execute: a bad configuration exits 78 before anything starts, whatever the verb", "[cli][execute]") {
  reset();
  refuse_configuration();
  const auto arguments = GENERATE(std::vector<std::string>{"80=web:80"}, std::vector<std::string>{"check", "80=web:80"},
                                  std::vector<std::string>{"config", "show", "80=web:80"});
  const auto result = execute_with(arguments);
  CHECK(result.code == exit_code::bad_config);
  CHECK(result.error == "sluice.toml: [unknown-key]: no such key\n");
  CHECK(result.out.empty());
  CHECK(current().started.empty());
}

TEST_CASE("execute: wrong usage goes to the error stream with a hint and exits 2", "[cli][execute]") {
  reset();
  const auto result = execute_with({"chekc"});
  CHECK(result.code == exit_code::usage);
  CHECK(result.out.empty());
  CHECK(result.error == "sluice: error: unknown verb \"chekc\"\n  did you mean \"check\"?\n");
}
