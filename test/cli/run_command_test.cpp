#include "cli/stand_ins.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::cli::testing;

namespace {

const std::vector<std::string> a_mapping = {"8080=10.0.0.5:80"};

}  // namespace

TEST_CASE("run: bare sluice without a file prints usage and exits 2", "[cli][run]") {
  reset();
  const auto result = execute_with({});
  CHECK(result.code == exit_code::usage);
  CHECK(result.out.empty());
  CHECK(result.error.find("Usage: sluice [run]") != std::string::npos);
  CHECK(current().started.empty());
}

TEST_CASE("run: bare sluice runs the default file, or what the environment says", "[cli][run]") {
  reset();
  CHECK(execute_with({}, {}, "/proc/self/status").code == exit_code::done);
  CHECK(execute_with({}, {{"SLUICE_FORWARD", "80=web:80"}}).code == exit_code::done);
  CHECK(current().started.size() == 2);
}

TEST_CASE("run: it ends as the proxy does", "[cli][run]") {
  reset();
  const auto code = GENERATE(exit_code::done, exit_code::cut);
  current().run_result = code;
  CHECK(execute_with(a_mapping).code == code);
}

TEST_CASE("run: a proxy that cannot start says why and gives the exit code", "[cli][run]") {
  reset();
  const auto code = GENERATE(exit_code::failed, exit_code::no_permission);
  current().startup.emplace("127.0.0.1:80 is in use", code);
  const auto result = execute_with(a_mapping);
  CHECK(result.code == code);
  CHECK(result.error == "sluice: error: 127.0.0.1:80 is in use\n");
  CHECK(result.out.empty());
}
