// Fills in a man page: where a line of the template on standard input is @WORD ...@, text made from the table of verbs
// or from the table of keys stands in the page, in scdoc's language.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/config_keys.hpp"

#include "cli/command_table.hpp"

namespace {

using sluice::config_key;
using sluice::key_type;
using namespace sluice::cli;

/// Text that scdoc shows as it is.
std::string plain(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (std::string_view("\\*_#`[]|~<>").find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

std::string bold(std::string_view text) { return '*' + plain(text) + '*'; }
std::string underlined(std::string_view text) { return '_' + plain(text) + '_'; }

std::string with_capital(std::string_view text) {
  std::string result(text);
  if (!result.empty() && result.front() >= 'a' && result.front() <= 'z') result.front() -= 'a' - 'A';
  return result;
}

std::string option_text(const option_spec& option) {
  std::string text = option.letter == 0 ? "" : bold(std::string{'-', option.letter}) + ", ";
  text += bold("--" + std::string(option.name));
  if (!option.argument.empty()) text += ' ' + underlined(option.argument);
  const auto words = split_choices(option.choices);
  const bool begins_with_choice =
      std::ranges::any_of(words, [&](std::string_view word) { return option.help.starts_with(word); });
  return text + "\n\t" + plain(begins_with_choice ? std::string(option.help) : with_capital(option.help)) + ".\n\n";
}

std::string options_text(std::span<const option_spec> options) {
  std::string text;
  for (const auto& option : options) text += option_text(option);
  return text;
}

std::string synopsis() {
  std::string text;
  for (const auto& verb : verbs()) {
    std::string line;
    std::istringstream words{std::string(verb.usage)};
    for (std::string word; words >> word;) line += (line.empty() ? bold(word) : ' ' + plain(word));
    text += (text.empty() ? "" : "++\n") + line;
  }
  return text + '\n';
}

std::string verb_texts() {
  std::string text;
  for (const auto& verb : verbs()) {
    text += "## sluice " + std::string(verb.name) + "\n\n" + plain(with_capital(verb.summary)) + ".\n\n" +
            options_text(verb.options);
  }
  return text;
}

std::string examples() {
  std::string text;
  for (const auto& verb : verbs()) {
    for (const auto& each : verb.examples)
      text += bold(each.command) + "\n\t" + plain(with_capital(each.what)) + "\n\n";
  }
  return text;
}

std::string_view name_of(key_type type) {
  switch (type) {
    case key_type::boolean: return "boolean";
    case key_type::count: return "number";
    case key_type::automatic_count: return "number or \"auto\"";
    case key_type::size: return "size";
    case key_type::duration: return "duration";
    case key_type::choice: return "text";
    case key_type::text: return "text";
    case key_type::text_list: return "list of texts";
    case key_type::address_list: return "address, table, or list of them";
    case key_type::table: return "table";
  }
  return "";
}

std::string key_text(const config_key& key, std::string_view name) {
  std::string text = bold(name) + " = " + underlined(name_of(key.type));
  if (key.most > key.least) text += ", " + std::to_string(key.least) + " to " + std::to_string(key.most);
  text += "\n\t" + plain(key.doc) + '\n';
  if (!key.allowed.empty()) {
    text += "\tOne of:";
    for (const auto& word : key.allowed) text += (&word == &key.allowed.front() ? " " : ", ") + bold(word);
    text += ".\n";
  }
  if (!key.default_value.empty()) text += "\tDefault: " + bold(key.default_value) + ".\n";
  if (!key.environment.empty()) text += "\tVariable: " + bold(key.environment) + ".\n";
  return text + '\n';
}

/// The keys whose names begin with one of these; without any, those that have no dot. A prefix that stands alone is
/// left out of the names: the heading says it.
std::string keys_text(const std::vector<std::string>& prefixes, std::set<std::string>& shown) {
  std::string text;
  for (const auto& key : sluice::config_keys()) {
    const auto prefix =
        std::ranges::find_if(prefixes, [&](const std::string& each) { return key.name.starts_with(each); });
    if (prefixes.empty() ? key.name.find('.') != std::string::npos : prefix == prefixes.end()) continue;
    shown.insert(key.name);
    text += key_text(key, prefixes.size() == 1 ? key.name.substr(prefix->size()) : key.name);
  }
  return text;
}

}  // namespace

int main() {
  const std::map<std::string, std::string (*)()> parts{
      {"synopsis", synopsis},
      {"verbs", verb_texts},
      {"common_options", [] { return options_text(common_options()); }},
      {"source_options", [] { return options_text(source_options()); }},
      {"examples", examples},
  };
  std::set<std::string> shown;
  for (std::string line; std::getline(std::cin, line);) {
    if (line.size() < 3 || line.front() != '@' || line.back() != '@') {
      std::cout << line << '\n';
      continue;
    }
    std::istringstream words(line.substr(1, line.size() - 2));
    std::string part;
    words >> part;
    std::vector<std::string> prefixes;
    for (std::string prefix; words >> prefix;) prefixes.push_back(prefix);
    if (part == "keys") {
      std::cout << keys_text(prefixes, shown);
    } else if (const auto found = parts.find(part); found != parts.end()) {
      std::cout << found->second();
    } else {
      std::cerr << "there is no part " << part << '\n';
      return EXIT_FAILURE;
    }
  }
  // A page that has some keys has all: a section of new keys must not be forgotten.
  for (const auto& key : sluice::config_keys()) {
    if (shown.empty() || shown.contains(key.name)) continue;
    std::cerr << "no part of the page has the key " << key.name << '\n';
    return EXIT_FAILURE;
  }
  return std::cout.flush() ? EXIT_SUCCESS : EXIT_FAILURE;
}
