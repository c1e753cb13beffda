#include "cli/configuration.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/stand_ins.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::cli::testing;

TEST_CASE("configuration: a file that must not be read exits 4", "[cli][configuration]") {
  if (::geteuid() == 0) return;  // root may read everything
  reset();
  refuse_configuration();
  const auto path = std::filesystem::temp_directory_path() / ("sluice-unreadable-" + std::to_string(::getpid()));
  { std::ofstream(path) << "version = 1\n"; }
  std::filesystem::permissions(path, std::filesystem::perms::none);
  CHECK(execute_with({"check", "-c", path.string()}).code == exit_code::no_permission);
  std::filesystem::remove(path);
}
