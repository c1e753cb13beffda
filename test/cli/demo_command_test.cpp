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

TEST_CASE("demo: what is wrong with its address is said of --listen", "[cli][demo]") {
  reset();
  current().loaded.config.services[0].listeners[0].where = {"SLUICE_CONFIG", 4, 11};
  current().loaded.diagnostics.push_back(finding(diagnostic::severity::warning, "odd", "looks odd"));
  current().loaded.diagnostics.back().where = {"SLUICE_CONFIG", 4, 11};
  current().loaded.diagnostics.back().source_line = "listen = []";
  const auto result = execute_with({"demo", "--listen", "127.0.0.1:9000"});
  CHECK(result.error == "--listen: [odd]: looks odd\n");
  REQUIRE(current().started.size() == 1);
  CHECK(current().started[0].services[0].listeners[0].where.source == "--listen");
  CHECK(current().started[0].services[0].listeners[0].where.line == 0);
}

TEST_CASE("demo: port 0 is refused, for its text could not say where to connect", "[cli][demo]") {
  reset();
  current().loaded.config.services[0].listeners[0].listen.ports = {0, 0};
  const auto result = execute_with({"demo", "--listen", "127.0.0.1:0"});
  CHECK(result.code == exit_code::usage);
  CHECK(result.error.starts_with("sluice: error: --listen: with port 0"));
  CHECK(result.out.empty());
  CHECK(current().started.empty());
}
