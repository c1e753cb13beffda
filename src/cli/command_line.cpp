#include "cli/command_line.hpp"

#include <algorithm>

#include <boost/program_options.hpp>

#include "cli/nearest.hpp"

namespace sluice::cli {
namespace {

namespace po = boost::program_options;

constexpr std::string_view mapping_hint = "a mapping is written LISTEN=TARGET, as in 8080=10.0.0.5:80";

std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

std::string did_you_mean(const std::string& name, const std::string& otherwise) {
  return name.empty() ? otherwise : "did you mean " + in_quotes(name) + "?";
}

/// How many arguments the common option at the front takes up; 0 if it is none.
std::size_t common_option_length(std::span<const std::string> arguments) {
  const std::string_view first = arguments.front();
  for (const auto& option : common_options()) {
    const std::string name = "--" + std::string(option.name);
    const bool bare = first == name || (option.letter != 0 && first == std::string{'-', option.letter});
    if (bare) return option.argument.empty() ? 1 : std::min<std::size_t>(2, arguments.size());
    if (!option.argument.empty() && first.starts_with(name + "=")) return 1;
  }
  return 0;
}

[[noreturn]] void throw_unknown_verb(const std::string& word) {
  if (word.ends_with(".toml")) throw usage_error("unknown verb " + in_quotes(word), "to run a file: sluice -c " + word);
  if (word.find_first_of(":0123456789") != std::string::npos)
    throw usage_error(in_quotes(word) + " is no verb and no mapping", std::string(mapping_hint));
  std::vector<std::string_view> names;
  for (const auto& verb : verbs()) names.push_back(verb.name);
  throw usage_error("unknown verb " + in_quotes(word),
                    did_you_mean(nearest(word, names), "`sluice help` lists the verbs"));
}

struct named_verb {
  const verb_spec* verb;
  std::size_t words;  ///< how many arguments its name took
};

named_verb read_verb(std::span<const std::string> arguments) {
  if (arguments.size() > 1) {
    if (const auto* verb = find_verb(arguments[0] + " " + arguments[1])) return {verb, 2};
  }
  if (const auto* verb = find_verb(arguments[0])) return {verb, 1};
  const std::string beginning = arguments[0] + " ";
  for (const auto& verb : verbs()) {
    if (verb.name.starts_with(beginning))
      throw usage_error(in_quotes(arguments[0]) + " needs a second word", "as in: sluice " + std::string(verb.name));
  }
  throw_unknown_verb(arguments[0]);
}

po::options_description describe(std::span<const option_spec> options) {
  po::options_description description;
  for (const auto& option : options) {
    std::string names(option.name);
    if (option.letter != 0) names += {',', option.letter};
    if (option.argument.empty()) {
      description.add_options()(names.c_str(), "");
    } else {
      description.add_options()(names.c_str(), po::value<std::string>(), "");
    }
  }
  return description;
}

[[noreturn]] void throw_unknown_option(const verb_spec& verb, const std::string& option,
                                       std::span<const option_spec> known) {
  std::vector<std::string> names;
  for (const auto& each : known) names.push_back("--" + std::string(each.name));
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const std::string help = "`sluice help " + std::string(verb.name) + "` lists the options";
  throw usage_error("unknown option " + in_quotes(option),
                    option.starts_with("--") ? did_you_mean(nearest(option, candidates), help) : help);
}

void check_choice(const option_spec& option, const std::string& value) {
  const auto allowed = split_choices(option.choices);
  if (allowed.empty() || std::ranges::find(allowed, value) != allowed.end()) return;
  std::string list;
  for (const auto choice : allowed) list += (list.empty() ? "" : ", ") + std::string(choice);
  throw usage_error("--" + std::string(option.name) + " does not know " + in_quotes(value), "it takes one of: " + list);
}

void check_shell(const invocation& call) {
  std::string list;
  for (const auto shell : shells()) list += (list.empty() ? "" : ", ") + std::string(shell);
  const bool known = call.words.size() == 1 && std::ranges::find(shells(), call.words.front()) != shells().end();
  if (known) return;
  throw usage_error(call.words.size() == 1 ? "there is no completion for " + in_quotes(call.words.front())
                                           : std::string(call.verb->name) + " takes the name of one shell",
                    "it takes one of: " + list);
}

void check_words(const invocation& call) {
  switch (call.verb->takes) {
    case words::none:
      if (!call.words.empty())
        throw usage_error(std::string(call.verb->name) + " takes no " + in_quotes(call.words.front()),
                          "usage: " + std::string(call.verb->usage));
      return;
    case words::forwards:
      for (const auto& word : call.words) {
        if (word.find('=') != std::string::npos) continue;
        if (find_verb(word) != nullptr)
          throw usage_error("the verb " + in_quotes(word) + " must come first", "as in: sluice " + word + " [OPTIONS]");
        throw usage_error(in_quotes(word) + " is no mapping", std::string(mapping_hint));
      }
      return;
    case words::verb_name: return;
    case words::shell_name: check_shell(call); return;
  }
}

}  // namespace

std::string invocation::value_of(std::string_view option, std::string_view otherwise) const {
  const auto found = options.find(option);
  return found == options.end() ? std::string(otherwise) : found->second;
}

invocation parse_command_line(std::span<const std::string> arguments) {
  std::size_t front = 0;
  while (front < arguments.size()) {
    const auto length = common_option_length(arguments.subspan(front));
    if (length == 0) break;
    front += length;
  }
  invocation call{.verb = &default_verb()};
  std::vector<std::string> rest(arguments.begin(), arguments.end());
  const bool is_word = front < arguments.size() && !arguments[front].starts_with('-');
  if (is_word && arguments[front].find('=') == std::string::npos) {
    const auto [verb, length] = read_verb(arguments.subspan(front));
    call.verb = verb;
    call.verb_named = true;
    const auto begin = rest.begin() + static_cast<std::ptrdiff_t>(front);
    rest.erase(begin, begin + static_cast<std::ptrdiff_t>(length));
  }

  const auto known = all_options(*call.verb);
  try {
    const auto description = describe(known);
    // Guessing would make every option added later a possible break of somebody's script.
    const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    for (const auto& option : po::command_line_parser(rest).options(description).style(style).run().options) {
      if (option.position_key >= 0) {
        call.words.insert(call.words.end(), option.value.begin(), option.value.end());
        continue;
      }
      const std::string value = option.value.empty() ? std::string() : option.value.front();
      check_choice(*std::ranges::find(known, option.string_key, &option_spec::name), value);
      call.options[option.string_key] = value;
    }
  } catch (const po::unknown_option& problem) {
    throw_unknown_option(*call.verb, problem.get_option_name(), known);
  } catch (const po::error& problem) {
    throw usage_error(problem.what(), "usage: " + std::string(call.verb->usage));
  }
  if (!call.has("help") && !call.has("version")) check_words(call);
  return call;
}

}  // namespace sluice::cli
