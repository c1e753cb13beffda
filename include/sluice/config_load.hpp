#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/config.hpp"

namespace sluice {

/// One thing wrong with (or odd in) a configuration, with what a person needs to mend it.
struct diagnostic {
  enum class severity : std::uint8_t { error, warning };

  severity level = severity::error;
  source_location where;
  std::string code;         ///< stable word for tools: "unknown-key", "address-conflict"
  std::string text;         ///< what is wrong
  std::string source_line;  ///< the line itself, empty where there is none
  std::uint32_t width = 1;  ///< columns the caret run covers
  std::string hint;         ///< what to do; may be empty
  /// The other place of a conflict ("first used here"), if there is one.
  std::vector<std::pair<source_location, std::string>> related;
};

/// `path:line:column: error[code]: text`, the source line, a caret run, the hint: as the terminal shows it.
std::string to_text(const diagnostic& value, bool colour);

/// A key given on the command line or in the environment: {"log.level", "debug", "--log-level"}.
struct config_override {
  std::string key;
  std::string value;
  std::string origin;
};

/// Tells whether an IP literal ("10.0.0.5", "fe80::1%eth0") is an address of this machine.
using own_address_test = std::function<bool(const std::string& literal)>;

/// The one that asks the kernel, for the network of the calling thread.
bool is_own_address(const std::string& literal);

/// Everything a configuration may come from. Precedence: option, environment, file, default.
struct config_sources {
  std::string file;                                              ///< path; empty: no file
  std::vector<std::string> forwards;                             ///< LISTEN=TARGET words of the command line
  std::vector<config_override> options;                          ///< command-line options that set a key
  std::vector<std::pair<std::string, std::string>> environment;  ///< the process environment, name and value
  /// A backend at such an address, behind a listener on every address, is that listener. None: only loopback is known
  /// to be this machine, so that the result does not depend on where it is asked for.
  own_address_test is_own = {};
};

struct load_result {
  sluice::config config;                ///< meaningful only when ok()
  std::vector<diagnostic> diagnostics;  ///< at most 20 errors, warnings beside them, in the order of their places
  bool ok() const noexcept;
};

/// Reads, merges and checks. Never throws for what a user wrote; a file that can't be read is a diagnostic too.
load_result load_config(const config_sources& sources);

/// The effective configuration as TOML that load_config() takes again; with origins, a comment on every line says
/// where its value came from ("default", "file.toml:3:9", "SLUICE_LOG_LEVEL", "--workers"). Empty if load_config()
/// finds errors.
std::string show_config(const config_sources& sources, bool origins);

}  // namespace sluice
