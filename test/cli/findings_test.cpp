#include "cli/findings.hpp"

#include <sstream>

#include "cli/stand_ins.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::cli::testing;

TEST_CASE("findings are coloured only when asked", "[cli][findings]") {
  reset();
  refuse_configuration();
  CHECK(execute_with({"check", "80=web:80"}).error.find('\033') == std::string::npos);
  CHECK(execute_with({"check", "--color", "always", "80=web:80"}).error.find('\033') == 0);
}
