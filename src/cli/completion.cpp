#include "cli/completion.hpp"

#include <algorithm>

namespace sluice::cli {

std::vector<std::string_view> first_words() {
  std::vector<std::string_view> words;
  for (const auto& verb : verbs()) {
    const auto word = verb.name.substr(0, verb.name.find(' '));
    if (std::ranges::find(words, word) == words.end()) words.push_back(word);
  }
  return words;
}

std::vector<std::string_view> second_words(std::string_view first) {
  std::vector<std::string_view> words;
  for (const auto& verb : verbs()) {
    const auto space = verb.name.find(' ');
    if (space != std::string_view::npos && verb.name.substr(0, space) == first)
      words.push_back(verb.name.substr(space + 1));
  }
  return words;
}

std::string in_a_row(const std::vector<std::string_view>& words) {
  std::string row;
  for (const auto word : words) row += (row.empty() ? "" : " ") + std::string(word);
  return row;
}

std::string in_single_quotes(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

bool takes_file(const option_spec& option) noexcept { return option.argument == "FILE"; }

}  // namespace sluice::cli
