#include "cli/command_table.hpp"

#include <algorithm>
#include <array>

#include "cli/check_command.hpp"
#include "cli/completion_command.hpp"
#include "cli/demo_command.hpp"
#include "cli/info_commands.hpp"
#include "cli/run_command.hpp"

namespace sluice::cli {
namespace {

constexpr std::array<option_spec, 3> common = {{
    {"color", 0, "WHEN", "auto|always|never", "", "colour in messages: auto, always or never"},
    {"help", 'h', "", "", "", "explain the verb"},
    {"version", 'V', "", "", "", "print the version"},
}};

constexpr std::array<option_spec, 6> sources = {{
    {"config", 'c', "FILE", "", "", "read this TOML file"},
    {"workers", 0, "N", "", "limits.workers", "threads that move bytes (default: one a processor)"},
    {"log-level", 0, "LEVEL", "debug|info|warning|error", "log.level", "debug, info, warning or error (default: info)"},
    {"log-format", 0, "FORMAT", "auto|text|json", "log.format", "text, json, or auto: text on a terminal"},
    {"quiet", 'q', "", "", "", "errors only, no access log"},
    {"verbose", 'v', "", "", "", "the same as --log-level debug"},
}};

constexpr std::array<option_spec, 1> check_options = {{
    {"json", 0, "", "", "", "findings as JSON, for editors and scripts"},
}};
constexpr std::array<option_spec, 1> show_options = {{
    {"origin", 0, "", "", "", "say at every line where its value comes from"},
}};
constexpr std::array<option_spec, 3> demo_options = {{
    {"listen", 0, "ADDRESS", "", "", "where the demo listens (default: 127.0.0.1:8080)"},
    {"quiet", 'q', "", "", "", "errors only, no access log"},
    {"verbose", 'v', "", "", "", "log everything"},
}};
constexpr std::array<option_spec, 1> version_options = {{
    {"verbose", 'v', "", "", "", "also what a bug report needs: build, kernel, limits"},
}};

constexpr std::array<example, 3> run_examples = {{
    {"sluice 8080=10.0.0.5:80", "forward one port"},
    {"sluice 9000-9010=10.0.0.6:9000-9010", "forward a range of ports"},
    {"sluice -c /etc/sluice/sluice.toml", "run what a file says"},
}};
constexpr std::array<example, 2> check_examples = {{
    {"sluice check -c sluice.toml", "is this file good?"},
    {"sluice check 8080=10.0.0.5:80", "is this mapping?"},
}};
constexpr std::array<example, 2> show_examples = {{
    {"sluice config show -c sluice.toml", "all that is in force, defaults too"},
    {"sluice config show --origin 80=web:80", "and where each value comes from"},
}};
constexpr std::array<example, 1> schema_examples = {{
    {"sluice config schema", "into a file that an editor with Taplo reads"},
}};
constexpr std::array<example, 2> demo_examples = {{
    {"sluice demo", "then: curl http://127.0.0.1:8080/"},
    {"sluice demo --listen 127.0.0.1:9000", "the same on another port"},
}};
constexpr std::array<example, 2> completion_examples = {{
    {"sluice completion bash", "at once: source <(sluice completion bash)"},
    {"sluice completion zsh", "to stay: into a file _sluice of your fpath"},
}};
constexpr std::array<example, 1> version_examples = {{
    {"sluice version --verbose", "paste this into a bug report"},
}};
constexpr std::array<example, 2> help_examples = {{
    {"sluice help run", "the options of run"},
    {"sluice help config show", "the options of config show"},
}};

constexpr std::array<verb_spec, 8> table = {{
    {"run",
     "sluice [run] [-c FILE] [LISTEN=TARGET ...]",
     "forward and balance until told to stop (the default verb)",
     words::forwards,
     true,
     {},
     run_examples,
     run_command},
    {"check", "sluice check [-c FILE] [LISTEN=TARGET ...]", "say whether a configuration is good, and start nothing",
     words::forwards, true, check_options, check_examples, check_command},
    {"config show", "sluice config show [--origin] [-c FILE] [LISTEN=TARGET ...]",
     "print the configuration in force, as TOML", words::forwards, true, show_options, show_examples,
     config_show_command},
    {"config schema",
     "sluice config schema",
     "print the JSON Schema of configuration files, for editors",
     words::none,
     false,
     {},
     schema_examples,
     config_schema_command},
    {"demo", "sluice demo [--listen ADDRESS]", "three small web servers behind one port, to try it out", words::none,
     false, demo_options, demo_examples, demo_command},
    {"completion",
     "sluice completion bash|zsh|fish",
     "print what a shell needs to complete command lines",
     words::shell_name,
     false,
     {},
     completion_examples,
     completion_command},
    {"version", "sluice version [--verbose]", "print the version", words::none, false, version_options,
     version_examples, version_command},
    {"help",
     "sluice help [VERB]",
     "explain sluice, or one verb",
     words::verb_name,
     false,
     {},
     help_examples,
     help_command},
}};

constexpr std::array<std::string_view, 3> shell_names = {"bash", "zsh", "fish"};

}  // namespace

std::span<const verb_spec> verbs() noexcept { return table; }

const verb_spec* find_verb(std::string_view name) noexcept {
  const auto found = std::ranges::find(table, name, &verb_spec::name);
  return found == table.end() ? nullptr : &*found;
}

const verb_spec& default_verb() noexcept { return table.front(); }

std::span<const option_spec> common_options() noexcept { return common; }

std::span<const option_spec> source_options() noexcept { return sources; }

std::span<const std::string_view> shells() noexcept { return shell_names; }

std::vector<option_spec> all_options(const verb_spec& verb) {
  std::vector<option_spec> all(verb.options.begin(), verb.options.end());
  if (verb.reads_configuration) all.insert(all.end(), sources.begin(), sources.end());
  all.insert(all.end(), common.begin(), common.end());
  return all;
}

std::vector<std::string_view> split_choices(std::string_view choices) {
  std::vector<std::string_view> values;
  while (!choices.empty()) {
    const auto end = std::min(choices.find('|'), choices.size());
    values.push_back(choices.substr(0, end));
    choices.remove_prefix(std::min(end + 1, choices.size()));
  }
  return values;
}

}  // namespace sluice::cli
