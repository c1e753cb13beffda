#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sluice/config_load.hpp"
#include "sluice/proxy.hpp"

#include "cli/console.hpp"

namespace sluice::cli::testing {

/// What the stand-ins of load_config(), show_config() and proxy answer, and what they were asked.
struct stand_ins {
  load_result loaded;
  std::optional<startup_error> startup;  ///< thrown by the proxy's constructor
  exit_code run_result = exit_code::done;
  std::function<void()> while_running;  ///< called by proxy::run() after on_ready
  sluice::stats moved;

  std::vector<config_sources> asked;
  std::vector<config> started;
  std::vector<bool> shown_with_origins;
};

/// The only ones of the process; reset() them first.
stand_ins& current();
void reset();

/// One service, one listener, one backend.
config small_config();
diagnostic finding(diagnostic::severity level, std::string code, std::string text);

/// load_config() finds an error in sluice.toml from now on.
void refuse_configuration();

/// execute() with streams that are kept.
struct outcome {
  exit_code code;
  std::string out;
  std::string error;
};
outcome execute_with(const std::vector<std::string>& arguments, const environment& variables = {},
                     const std::string& default_file = "/nowhere/sluice.toml");

}  // namespace sluice::cli::testing
