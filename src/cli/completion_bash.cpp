#include "cli/completion.hpp"

namespace sluice::cli {
namespace {

constexpr std::string_view head = R"(# Completion of sluice for bash, made by `sluice completion bash`.
_sluice() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb='' offer='' i
  # bash takes --color=always apart into three words.
  if [[ $cur == '=' ]]; then
    cur=''
  elif [[ $prev == '=' ]]; then
    prev=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
)";

constexpr std::string_view tail = R"(  esac
  mapfile -t COMPREPLY < <(compgen -W "$offer" -- "$cur")
} && complete -F _sluice sluice
)";

constexpr std::string_view files = "mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); compopt -o filenames; return";

std::string patterns(const option_spec& option) {
  return (option.letter == 0 ? "" : std::string{'-', option.letter, '|'}) + "--" + std::string(option.name);
}

/// Options that may stand before the verb are stepped over; the first word that is none settles it.
std::string find_verb_cases() {
  std::string text;
  for (const auto& option : common_options()) {
    const std::string skip =
        option.argument.empty() ? "continue" : "[[ ${COMP_WORDS[i + 1]} == '=' ]] && ((i++)); ((i++))";
    text += "      " + patterns(option) + ") " + skip + " ;;\n";
  }
  for (const auto first : first_words()) {
    const auto seconds = second_words(first);
    if (seconds.empty()) continue;
    text += "      " + std::string(first) + ") verb=" + std::string(first) +
            "; ((i + 1 < COMP_CWORD)) && verb+=\" ${COMP_WORDS[i + 1]}\"; break ;;\n";
  }
  return text + "      -*|*=*) verb=" + std::string(default_verb().name) +
         "; break ;;\n      *) verb=${COMP_WORDS[i]}; break ;;\n    esac\n  done\n  case $verb in\n";
}

/// What may stand after a verb: the values of the option before the cursor, options, or words.
std::string verb_case(const std::string& pattern, const verb_spec& verb, const std::string& offered) {
  std::string text = "    " + pattern + ")\n      case $prev in\n";
  std::string names;
  for (const auto& option : all_options(verb)) {
    names += (names.empty() ? "" : " ") + (option.letter == 0 ? "" : std::string{'-', option.letter, ' '}) + "--" +
             std::string(option.name);
    if (option.argument.empty()) continue;
    text += "        " + patterns(option) + ") ";
    if (takes_file(option))
      text += files;
    else
      text +=
          "mapfile -t COMPREPLY < <(compgen -W '" + in_a_row(split_choices(option.choices)) + "' -- \"$cur\"); return";
    text += " ;;\n";
  }
  text += "      esac\n      if [[ $cur == -* ]]; then offer='" + names + "'";
  if (!offered.empty()) text += "; else offer='" + offered + "'";
  return text + "; fi\n      ;;\n";
}

std::string words_of(const verb_spec& verb) {
  switch (verb.takes) {
    case words::none:
    case words::forwards: return {};
    case words::verb_name: return in_a_row(first_words());
    case words::shell_name: return in_a_row({shells().begin(), shells().end()});
  }
  return {};
}

}  // namespace

std::string bash_completion() {
  std::string text = std::string(head) + find_verb_cases() + verb_case("''", default_verb(), in_a_row(first_words()));
  for (const auto& verb : verbs()) text += verb_case(in_single_quotes(verb.name), verb, words_of(verb));
  for (const auto first : first_words()) {
    if (const auto seconds = second_words(first); !seconds.empty())
      text += "    " + std::string(first) + ") offer='" + in_a_row(seconds) + "' ;;\n";
  }
  return text + std::string(tail);
}

}  // namespace sluice::cli
