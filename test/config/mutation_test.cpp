#include <fstream>
#include <random>
#include <sstream>

#include "config_text.hpp"

#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

std::string reference_text() {
  std::ostringstream text;
  text << std::ifstream(std::string(SLUICE_CONF_DIR) + "/reference.toml").rdbuf();
  return text.str();
}

/// Without comment lines, so that most mutations hit something that matters.
std::string bare(const std::string& text) {
  std::istringstream lines(text);
  std::string result;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('#') && !line.empty()) result += line + '\n';
  }
  return result;
}

using namespace std::string_view_literals;
constexpr std::string_view splinters = "\"'[]{}=.,#\n\\${}\t -+09azAZ\0\x01\x7f\xff\xc3\xb8"sv;

std::string mutate(std::string text, std::mt19937& random) {
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
    const std::size_t at = below(text.size());
    const std::size_t length = std::min<std::size_t>(1 + below(30), text.size() - at);
    switch (below(6)) {
      case 0: text[at] = splinters[below(splinters.size())]; break;
      case 1: text.insert(at, 1, splinters[below(splinters.size())]); break;
      case 2: text.erase(at, length); break;
      case 3: text.insert(below(text.size()), text.substr(at, length)); break;
      case 4: text.resize(at + 1); break;
      default: text.insert(at, std::string(below(2000), splinters[below(splinters.size())])); break;
    }
  }
  return text;
}

}  // namespace

TEST_CASE("mutation: 200 broken references are refused with a place or accepted, and never crash",
          "[config][mutation]") {
  const std::string base = GENERATE_REF(reference_text(), bare(reference_text()));
  std::mt19937 random(20'240'611);
  for (int round = 0; round < 200; ++round) {
    const std::string text = mutate(base, random);
    const load_result result = load_text(text);
    CAPTURE(round, text);
    for (const diagnostic& entry : result.diagnostics) {
      CHECK_FALSE(entry.code.empty());
      CHECK_FALSE(entry.text.empty());
      CHECK_FALSE(to_text(entry, true).empty());
      if (entry.code != "no-services") CHECK(entry.where.line > 0);
    }
    if (result.ok()) CHECK(load_text(show_config({"", {}, {}, {{"SLUICE_CONFIG", text + "\n"}}}, true)).ok());
  }
}
