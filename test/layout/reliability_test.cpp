#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "layout/reliability_table.hpp"
#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

namespace fs = std::filesystem;
using sluice::layout::reliability_problems;

namespace {

/// The page and the tests of this tree, to be changed.
class copied_tree {
 public:
  copied_tree() {
    for (const auto* top : {"docs", "test", "fuzz"})
      fs::copy(fs::path{SLUICE_SOURCE_DIR} / top, root() / top, fs::copy_options::recursive);
  }

  const fs::path& root() const { return root_.path(); }
  /// Replaces the first `from` of a file.
  void change(const fs::path& path, std::string_view from, std::string_view to) const {
    std::ostringstream read;
    read << std::ifstream(root() / path).rdbuf();
    std::string text = read.str();
    const auto at = text.find(from);
    REQUIRE(at != text.npos);
    std::ofstream(root() / path) << text.replace(at, from.size(), to);
  }

 private:
  sluice::support::temporary_directory root_;
};

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

constexpr const char* page = "docs/reliability.md";

}  // namespace

TEST_CASE("reliability: every promised row stands in the table, with tests that ctest knows", "[layout]") {
  const auto found = reliability_problems(SLUICE_SOURCE_DIR);
  INFO(joined(found));
  CHECK(found.empty());
}

TEST_CASE("reliability: what is missing or misnamed is found", "[layout]") {
  const copied_tree tree;
  std::string expected;
  SECTION("a row") {
    tree.change(page, "| L6 |", "| L6b |");
    expected = "row L6 is there 0 times";
  }
  SECTION("a row that nobody promised") {
    tree.change(page, "| L6 |", "| Z6 |");
    expected = "row Z6: nobody knows it";
  }
  SECTION("a row that is there twice") {
    tree.change(page, "| L6 |", "| L3 |");
    expected = "row L3 is there 2 times";
  }
  SECTION("a program") {
    tree.change(page, "`faults_life`", "`faults_live`");
    expected = "ctest knows no faults_live";
  }
  SECTION("a test case that was renamed") {
    tree.change("test/faults/long_transfer_test.cpp", "a very long transfer", "a rather long transfer");
    expected = "faults_life has no test case";
  }
  SECTION("a test case that is not built") {
    tree.change("test/faults/CMakeLists.txt", "long_transfer_test.cpp", "");
    expected = "faults_life has no test case";
  }
  const auto found = joined(reliability_problems(tree.root()));
  INFO(found);
  CHECK(found.find(expected) != found.npos);
}
