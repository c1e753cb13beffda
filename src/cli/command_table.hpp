#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "sluice/error.hpp"

namespace sluice::cli {

struct invocation;
struct surroundings;

/// One option as people see it and as the parser needs it.
struct option_spec {
  std::string_view name;      ///< long name, without the dashes
  char letter;                ///< short form; 0: none
  std::string_view argument;  ///< what stands for the value in help: "FILE"; empty: a switch
  std::string_view choices;   ///< the only values allowed, "auto|always|never"; empty: any
  std::string_view key;       ///< the configuration key the value is for; empty: none
  std::string_view help;
};

struct example {
  std::string_view command;
  std::string_view what;
};

/// What the words after a verb's options are.
enum class words { none, forwards, verb_name, shell_name };

/// One verb. The table of them is the only description of the command line: the parser, `--help`, man pages and
/// completion are all fed from it.
struct verb_spec {
  std::string_view name;  ///< "run", "config show"
  std::string_view usage;
  std::string_view summary;
  words takes;
  bool reads_configuration;              ///< takes source_options() too
  std::span<const option_spec> options;  ///< its own, beside source_options() and common_options()
  std::span<const example> examples;
  exit_code (*command)(const invocation&, const surroundings&);
};

std::span<const verb_spec> verbs() noexcept;

/// nullptr if there is no such verb.
const verb_spec* find_verb(std::string_view name) noexcept;

/// The verb meant when none is named.
const verb_spec& default_verb() noexcept;

/// Options of every verb.
std::span<const option_spec> common_options() noexcept;

/// Options of every verb that reads a configuration: where it comes from and what overrides it.
std::span<const option_spec> source_options() noexcept;

/// Everything `verb` takes, its own options first, in the order help shows them.
std::vector<option_spec> all_options(const verb_spec& verb);

/// The shells that `sluice completion` knows.
std::span<const std::string_view> shells() noexcept;

/// The values of option_spec::choices, one by one.
std::vector<std::string_view> split_choices(std::string_view choices);

}  // namespace sluice::cli
