#include "layout/reliability_table.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string_view>

namespace sluice::layout {
namespace {

namespace fs = std::filesystem;

/// Every fault that the program promises to survive so far.
constexpr std::array<std::string_view, 46> promised{
    "L1", "L2", "L3", "L4", "L5", "L6",  "L7",  "L8",  "L9", "L10", "L11", "L12", "R1", "R2", "R3", "R4",
    "R5", "R6", "R7", "R8", "R9", "R10", "B1",  "B2",  "B3", "B4",  "B5",  "B6",  "B7", "B8", "B9", "H2",
    "H3", "H4", "C1", "C3", "C9", "C10", "C11", "C12", "O1", "O2",  "O3",  "O4",  "O5", "O6"};

struct table_row {
  std::string name, promise, tests, figure;
};

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  if (!file)
    throw fs::filesystem_error("cannot read", path, std::make_error_code(std::errc::no_such_file_or_directory));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  return first == text.npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// Lines "| L3 | promise | tests | figure |".
std::vector<table_row> rows_of(const std::string& page) {
  static const std::regex row(R"(^\| ([A-Z][0-9]+) \|([^|]*)\|([^|]*)\|([^|]*)\|$)");
  std::vector<table_row> rows;
  std::istringstream lines(page);
  std::smatch found;
  for (std::string line; std::getline(lines, line);) {
    if (!std::regex_match(line, found, row)) continue;
    rows.push_back({found[1], trimmed(found[2]), trimmed(found[3]), trimmed(found[4])});
  }
  return rows;
}

/// What ctest knows: the names of its tests, and the titles of the cases in each.
std::map<std::string, std::set<std::string>> known_tests(const fs::path& root) {
  static const std::regex declaration(R"((sluice_test|sluice_fuzz_target)\(([a-z0-9_]+)([^)]*)\))");
  static const std::regex source(R"([a-z0-9_]+\.cpp)");
  static const std::regex title(R"rx(TEST_CASE\(\s*"((?:[^"\\]|\\.)*)")rx");
  std::map<std::string, std::set<std::string>> known;
  for (const auto* top : {"test", "fuzz"}) {
    for (const auto& entry : fs::recursive_directory_iterator{root / top}) {
      if (entry.path().filename() != "CMakeLists.txt") continue;
      const std::string text = text_of(entry.path());
      for (std::sregex_iterator one(text.begin(), text.end(), declaration), end; one != end; ++one) {
        const bool is_fuzz = (*one)[1] == "sluice_fuzz_target";
        auto& titles = known[(is_fuzz ? "fuzz_" : "") + (*one)[2].str()];
        if (is_fuzz) continue;
        const std::string words = (*one)[3];
        for (std::sregex_iterator file(words.begin(), words.end(), source); file != end; ++file) {
          const std::string code = text_of(entry.path().parent_path() / file->str());
          for (std::sregex_iterator found(code.begin(), code.end(), title); found != end; ++found)
            titles.insert((*found)[1]);
        }
      }
    }
  }
  return known;
}

/// A cell is "`program`: title" or "`program`", several of them with "<br>" between.
void check_cell(const table_row& row, const std::map<std::string, std::set<std::string>>& known,
                std::vector<std::string>& problems) {
  static const std::regex test(R"(^`([a-z0-9_]+)`(?:: (.*))?$)");
  const auto report = [&](const std::string& what) { problems.push_back("row " + row.name + ": " + what); };
  for (std::size_t at = 0; at <= row.tests.size();) {
    const auto end = std::min(row.tests.find("<br>", at), row.tests.size());
    const std::string cell = trimmed(row.tests.substr(at, end - at));
    at = end + 4;
    std::smatch found;
    if (!std::regex_match(cell, found, test)) {
      report("no name of a test: " + cell);
      continue;
    }
    const auto program = known.find(found[1]);
    if (program == known.end())
      report("ctest knows no " + found[1].str());
    else if (found[2].matched && !program->second.contains(found[2]))
      report(found[1].str() + " has no test case: " + found[2].str());
  }
}

}  // namespace

std::vector<std::string> reliability_problems(const fs::path& root) {
  std::vector<std::string> problems;
  const auto known = known_tests(root);
  std::map<std::string, int> count;
  for (const table_row& row : rows_of(text_of(root / "docs" / "reliability.md"))) {
    ++count[row.name];
    if (row.promise.empty() || row.figure.empty()) problems.push_back("row " + row.name + ": a cell is empty");
    if (std::find(promised.begin(), promised.end(), row.name) == promised.end())
      problems.push_back("row " + row.name + ": nobody knows it");
    check_cell(row, known, problems);
  }
  for (const std::string_view name : promised)
    if (const int n = count[std::string(name)]; n != 1)
      problems.push_back("row " + std::string(name) + " is there " + std::to_string(n) + " times");
  return problems;
}

}  // namespace sluice::layout
