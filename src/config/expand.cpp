#include "config/expand.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>

#include "config/toml_scalars.hpp"
#include "config/toml_tokens.hpp"

namespace sluice::conf {
namespace {

bool is_variable_name(std::string_view name) {
  const auto fits = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::all_of(name.begin(), name.end(), fits);
}

struct expander {
  const std::map<std::string, std::string>& environment;
  const source_text& source;
  report& problems;

  /// `where` is the text's place; `verbatim` says that its characters follow one column behind it.
  std::string expand(const std::string& text, const place& where, bool verbatim) const {
    bool complete = true;
    std::string result;
    std::size_t at = 0;
    while (at < text.size()) {
      const std::size_t found = std::min(text.find("${", at), text.size());
      result.append(text, at, found - at);
      if (found == text.size()) break;
      if (found > 0 && text[found - 1] == '$') {
        result += '{';  // "$${": the first '$' is there already, the second is dropped
        at = found + 2;
        continue;
      }
      const std::size_t end = text.find('}', found);
      const std::size_t length = (end == std::string::npos ? text.size() : end + 1) - found;
      const auto value =
          replace(std::string_view(text).substr(found, length), place_of(text, found, length, where, verbatim));
      result += value.value_or("");
      complete = complete && value;
      at = found + length;
    }
    if (!complete) problems.mute({&source, where});
    return result;
  }

  /// nullopt, and reported, if the reference is to nothing.
  std::optional<std::string> replace(std::string_view reference, const place& where) const {
    if (!reference.ends_with('}')) {
      problems.error({&source, where}, "bad-variable", "`}` is missing",
                     "${NAME}, ${NAME:-text}, or $${ for ${ itself");
      return std::nullopt;
    }
    const std::string_view inside = reference.substr(2, reference.size() - 3);
    const std::size_t dash = inside.find(":-");
    const std::string name(inside.substr(0, dash));
    if (!is_variable_name(name)) {
      problems.error({&source, where}, "bad-variable", "\"" + name + "\" is no variable's name",
                     "${NAME}, ${NAME:-text}, or $${ for ${ itself");
      return std::nullopt;
    }
    const auto known = environment.find(name);
    if (known != environment.end() && (dash == std::string_view::npos || !known->second.empty())) {
      if (!find_bad_byte(known->second)) return known->second;
      problems.error({&source, where}, "bad-variable",
                     "the variable " + name + " is not UTF-8, or has a control character in it");
      return {};
    }
    if (dash != std::string_view::npos) return std::string(inside.substr(dash + 2));
    problems.error({&source, where}, "undefined-variable", "the variable " + name + " is not set",
                   "set it, or write ${" + name + ":-text} for a text to use without it");
    return std::nullopt;
  }

  static place place_of(const std::string& text, std::size_t offset, std::size_t length, const place& whole,
                        bool verbatim) {
    if (!verbatim) return whole;
    const std::string_view view = text;
    return {whole.line, whole.column + 1 + count_characters(view.substr(0, offset)),
            count_characters(view.substr(offset, length))};
  }

  void walk(node& value) const {
    if (value.type == node::kind::text) value.text = expand(value.text, value.where, value.verbatim);
    for (node& item : value.items) walk(item);
    for (member& entry : value.members) walk(entry.value);
  }
};

}  // namespace

void expand_variables(node& root, const std::map<std::string, std::string>& environment, const source_text& source,
                      report& problems) {
  const expander expanding{environment, source, problems};
  expanding.walk(root);
  for (member& entry : root.members) {
    if (entry.key != "forward") continue;
    for (member& line : entry.value.members) {
      const bool quoted = count_characters(line.key) + 2 == line.where.width;
      line.key = expanding.expand(line.key, line.where, quoted);
    }
  }
}

}  // namespace sluice::conf
