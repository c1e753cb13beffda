#include "cli/stand_ins.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::cli::testing;

TEST_CASE("demo: it runs a proxy over three backends, explains, and sums up", "[cli][demo]") {
  reset();
  current().moved.accepted = 7;
  const auto result = execute_with({"demo", "-q", "--listen", "127.0.0.1:9000"},
                                   {{"SLUICE_FORWARD", "80=web:80"}, {"SLUICE_LOG_FORMAT", "json"}});
  CHECK(result.code == exit_code::done);
  CHECK(result.out.find("curl 'http://127.0.0.1:8080/'") != std::string::npos);
  CHECK(result.out.find("What moved:\n  sessions  7") != std::string::npos);
  REQUIRE(current().asked.size() == 1);
  const auto& asked = current().asked.front();
  CHECK(asked.options.size() == 2);
  REQUIRE(asked.environment.size() == 2);
  CHECK(asked.environment[0].first == "SLUICE_LOG_FORMAT");
  CHECK(asked.environment[1].first == "SLUICE_CONFIG");
  CHECK(asked.environment[1].second.find("listen = [\"127.0.0.1:9000\"]") != std::string::npos);
}
