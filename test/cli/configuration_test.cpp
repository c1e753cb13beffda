#include "cli/configuration.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/stand_ins.hpp"
#include "support/catch.hpp"
#include "support/plain_user.hpp"

using namespace sluice;
using namespace sluice::cli::testing;

TEST_CASE("configuration: a file that must not be read exits 4, whoever named it", "[cli][configuration]") {
  const auto path = std::filesystem::temp_directory_path() / ("sluice-unreadable-" + std::to_string(::getpid()));
  { std::ofstream(path) << "version = 1\n"; }
  std::filesystem::permissions(path, std::filesystem::perms::none);
  reset();
  current().loaded.diagnostics.push_back(finding(diagnostic::severity::error, "unreadable", "can't read it"));
  current().loaded.diagnostics.back().where = {path.string(), 0, 0};
  {
    const test::plain_user user;
    if (user) {
      CHECK(execute_with({"check", "-c", path.string()}).code == exit_code::no_permission);
      CHECK(execute_with({"check"}, {{"SLUICE_CONFIG", path.string()}}).code == exit_code::no_permission);
      CHECK(execute_with({"check", "--json"}, {{"SLUICE_CONFIG", path.string()}}).code == exit_code::no_permission);
      CHECK(execute_with({}, {{"SLUICE_CONFIG", path.string()}}).code == exit_code::no_permission);
    }
  }
  std::filesystem::remove(path);
  CHECK(execute_with({"check"}, {{"SLUICE_CONFIG", path.string()}}).code == exit_code::bad_config);
}
