#include "cli/completion.hpp"

namespace sluice::cli {
namespace {

/// A condition of `complete`: the verb typed so far is one of these.
std::string when(const std::string& verbs) { return "complete -c sluice -n \"__sluice_at " + verbs + '"'; }

std::string verb_function() {
  std::string text =
      "# Completion of sluice for fish, made by `sluice completion fish`.\n"
      "\n"
      "# The verb typed so far; nothing if there is none yet.\n"
      "function __sluice_verb\n"
      "    set -l words (commandline -opc)\n"
      "    set -e words[1]\n"
      "    set -q words[1]; or return\n"
      "    switch $words[1]\n"
      "        case '-*' '*=*'\n"
      "            echo " +
      std::string(default_verb().name) + "\n";
  for (const auto first : first_words()) {
    if (!second_words(first).empty())
      text += "        case " + std::string(first) + "\n            echo (string join ' ' $words[1..2])\n";
  }
  return text +
         "        case '*'\n"
         "            echo $words[1]\n"
         "    end\n"
         "end\n"
         "\n"
         "function __sluice_at\n"
         "    set -l verb (__sluice_verb)\n"
         "    contains -- \"$verb\" $argv\n"
         "end\n"
         "\n"
         "complete -c sluice -f\n";
}

std::string offer(const std::string& condition, std::string_view word, std::string_view summary) {
  return condition + " -a " + std::string(word) + " -d " + in_single_quotes(summary) + '\n';
}

std::string option_line(const std::string& condition, const option_spec& option) {
  std::string line = condition + " -l " + std::string(option.name);
  if (option.letter != 0) line += std::string(" -s ") + option.letter;
  if (takes_file(option))
    line += " -r -F";
  else if (!option.choices.empty())
    line += " -x -a " + in_single_quotes(in_a_row(split_choices(option.choices)));
  else if (!option.argument.empty())
    line += " -x";
  return line + " -d " + in_single_quotes(option.help) + '\n';
}

std::string words_of(const std::string& condition, const verb_spec& verb) {
  switch (verb.takes) {
    case words::none:
    case words::forwards: return {};
    case words::verb_name: return condition + " -a '" + in_a_row(first_words()) + "'\n";
    case words::shell_name: return condition + " -a '" + in_a_row({shells().begin(), shells().end()}) + "'\n";
  }
  return {};
}

}  // namespace

std::string fish_completion() {
  std::string text = verb_function();
  for (const auto first : first_words()) {
    const auto* verb = find_verb(first);
    text += offer(when("''"), first, verb == nullptr ? "more verbs of this kind" : verb->summary);
    for (const auto second : second_words(first)) {
      const auto* whole = find_verb(std::string(first) + ' ' + std::string(second));
      text += offer(when(std::string(first)), second, whole->summary);
    }
  }
  for (const auto& verb : verbs()) {
    const bool is_default = &verb == &default_verb();
    const std::string condition = when((is_default ? "'' " : "") + in_single_quotes(verb.name));
    for (const auto& option : all_options(verb)) text += option_line(condition, option);
    text += words_of(condition, verb);
  }
  return text;
}

}  // namespace sluice::cli
