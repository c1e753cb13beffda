#include "cli/completion.hpp"

namespace sluice::cli {
namespace {

constexpr std::string_view head = R"(#compdef sluice
# Completion of sluice for zsh, made by `sluice completion zsh`.
_sluice() {
  local verb
  local -a choices
)";

/// A description as _arguments takes it in brackets.
std::string escaped(std::string_view text, std::string_view special) {
  std::string result;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

/// 'word:summary' for _describe.
std::string described(std::string_view word, std::string_view summary) {
  return in_single_quotes(std::string(word) + ':' + escaped(summary, ":\\"));
}

std::string_view summary_of(std::string_view first) {
  const auto* verb = find_verb(first);
  return verb == nullptr ? "more verbs of this kind" : verb->summary;
}

/// An option as a word of _arguments: '(-c --config)'{-c+,--config=}'[help]:FILE:_files'.
std::string option_of(const option_spec& option) {
  const std::string name = "--" + std::string(option.name);
  const std::string help = '[' + escaped(option.help, "[]:\\") + ']';
  std::string value;
  if (!option.argument.empty()) {
    const std::string action = takes_file(option)       ? "_files"
                               : option.choices.empty() ? " "
                                                        : '(' + in_a_row(split_choices(option.choices)) + ')';
    value = ':' + std::string(option.argument) + ':' + action;
  }
  const std::string equals = option.argument.empty() ? "" : "=";
  if (option.letter == 0) return in_single_quotes(name + equals + help + value);
  const std::string letter{'-', option.letter};
  const std::string plus = option.argument.empty() ? "" : "+";
  return in_single_quotes('(' + letter + ' ' + name + ')') + '{' + letter + plus + ',' + name + equals + '}' +
         in_single_quotes(help + value);
}

std::string words_of(const verb_spec& verb) {
  switch (verb.takes) {
    case words::none: return {};
    // Not a blank, which is a message: beside one a single match is listed but not put into the line.
    case words::forwards: return in_single_quotes("*:LISTEN=TARGET:()");
    case words::verb_name: return in_single_quotes("1:VERB:(" + in_a_row(first_words()) + ')');
    case words::shell_name: return in_single_quotes("1:SHELL:(" + in_a_row({shells().begin(), shells().end()}) + ')');
  }
  return {};
}

std::string choose(const std::string& indent, const std::string& label, const std::string& choices) {
  return indent + "choices=(\n" + choices + indent + ")\n" + indent + "_describe " + label + " choices\n";
}

std::string first_choice() {
  std::string choices;
  for (const auto first : first_words()) choices += "      " + described(first, summary_of(first)) + '\n';
  return "  if ((CURRENT == 2)) && [[ $words[2] != -* ]]; then\n" + choose("    ", "verb", choices) +
         "    return\n  fi\n";
}

std::string second_choice(std::string_view first) {
  std::string choices;
  for (const auto second : second_words(first)) {
    const auto* verb = find_verb(std::string(first) + ' ' + std::string(second));
    choices += "        " + described(second, verb->summary) + '\n';
  }
  return "    " + std::string(first) + ")\n      if ((CURRENT == 3)); then\n" +
         choose("        ", in_single_quotes(std::string(first)), choices) +
         "        return\n      fi\n      verb=\"$words[2] $words[3]\"\n      shift 2 words\n      ((CURRENT -= 2))\n"
         "      ;;\n";
}

}  // namespace

std::string zsh_completion() {
  std::string text = std::string(head) + first_choice() +
                     "  case $words[2] in\n    -*|*=*) verb=" + std::string(default_verb().name) + " ;;\n";
  for (const auto first : first_words()) {
    if (!second_words(first).empty()) text += second_choice(first);
  }
  text += "    *)\n      verb=$words[2]\n      shift words\n      ((CURRENT--))\n      ;;\n  esac\n  case $verb in\n";
  for (const auto& verb : verbs()) {
    text += "    " + in_single_quotes(verb.name) + ")\n      _arguments -s -S";
    for (const auto& option : all_options(verb)) text += " \\\n        " + option_of(option);
    if (const auto words = words_of(verb); !words.empty()) text += " \\\n        " + words;
    text += "\n      ;;\n";
  }
  return text +
         "  esac\n}\n\n"
         "# Works as a file in fpath and by `source <(sluice completion zsh)`.\n"
         "if [[ $funcstack[1] == _sluice ]]; then\n  _sluice \"$@\"\nelse\n  compdef _sluice sluice\nfi\n";
}

}  // namespace sluice::cli
