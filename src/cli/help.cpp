#include "cli/help.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "cli/build_info.hpp"

namespace sluice::cli {
namespace {

using rows = std::vector<std::pair<std::string, std::string>>;

/// Two columns, the second one aligned.
std::string columns(const rows& lines) {
  std::size_t width = 0;
  for (const auto& line : lines) width = std::max(width, line.first.size());
  std::string text;
  for (const auto& [left, right] : lines)
    text += "  " + left + std::string(width - left.size() + 2, ' ') + right + "\n";
  return text;
}

rows option_rows(std::span<const option_spec> options) {
  rows lines;
  for (const auto& option : options) {
    std::string left = option.letter == 0 ? "    " : std::string{'-', option.letter, ',', ' '};
    left += "--" + std::string(option.name);
    if (!option.argument.empty()) left += " " + std::string(option.argument);
    lines.emplace_back(left, option.help);
  }
  return lines;
}

rows example_rows(std::span<const example> examples) {
  rows lines;
  for (const auto& each : examples) lines.emplace_back(each.command, "# " + std::string(each.what));
  return lines;
}

}  // namespace

std::string overview() {
  rows lines;
  for (const auto& verb : verbs()) lines.emplace_back(verb.name, verb.summary);
  const auto& first = default_verb();
  const std::array<example, 2> ends = {first.examples.front(), first.examples.back()};
  return "sluice " + std::string(build_info::version) +
         ", a TCP proxy and load balancer for Linux\n\nUsage: " + std::string(first.usage) +
         "\n       sluice VERB [OPTIONS]\n\nVerbs:\n" + columns(lines) + "\nExamples:\n" + columns(example_rows(ends)) +
         "\n`sluice help VERB` explains a verb, `sluice demo` shows it at work.\n";
}

std::string verb_help(const verb_spec& verb) {
  return "sluice " + std::string(verb.name) + ": " + std::string(verb.summary) +
         "\n\nUsage: " + std::string(verb.usage) + "\n\nOptions:\n" + columns(option_rows(all_options(verb))) +
         "\nExamples:\n" + columns(example_rows(verb.examples));
}

}  // namespace sluice::cli
