#include "cli/stand_ins.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::cli::testing;

TEST_CASE("info: help and version are results", "[cli][info]") {
  reset();
  CHECK(execute_with({"--help"}).out == execute_with({"help"}).out);
  CHECK(execute_with({"run", "-h"}).out == execute_with({"help", "run"}).out);
  CHECK(execute_with({"config", "show", "-h"}).out == execute_with({"help", "config", "show"}).out);
  CHECK(execute_with({"-V"}).out == execute_with({"version"}).out);
  CHECK(execute_with({"version"}).out.starts_with("sluice "));
  CHECK(execute_with({"help", "chekc"}).code == exit_code::usage);
  CHECK(execute_with({"help"}).error.empty());
}
