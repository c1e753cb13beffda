#include "cli/demo_command.hpp"

#include <ostream>

#include "sluice/proxy.hpp"

#include "cli/command_line.hpp"
#include "cli/demo_backends.hpp"
#include "cli/demo_text.hpp"
#include "cli/findings.hpp"
#include "cli/sources.hpp"

namespace sluice::cli {
namespace {

constexpr std::size_t backend_count = 3;
constexpr std::uint16_t usual_port = 8080;
constexpr const char* text_variable = "SLUICE_CONFIG";

std::string choose_listen(const invocation& call, const surroundings& around) {
  if (call.has("listen")) return call.value_of("listen");
  const auto port = free_loopback_port(usual_port);
  if (port != usual_port)
    around.error << "sluice: port " << usual_port << " is taken, the demo listens on port " << port << '\n';
  return "127.0.0.1:" + std::to_string(port);
}

/// The demo's own configuration instead of the caller's; the rest of the environment counts as always.
environment demo_environment(const surroundings& around, const std::string& toml) {
  environment variables;
  for (const auto& variable : around.variables) {
    if (variable.first != text_variable && variable.first != "SLUICE_FORWARD") variables.push_back(variable);
  }
  variables.emplace_back(text_variable, toml);
  return variables;
}

/// What is wrong with the demo's configuration is wrong with --listen: nobody has written the rest.
load_result load_demo(const config_sources& sources, const source_location& listen) {
  auto loaded = load_config(sources);
  for (auto& finding : loaded.diagnostics) {
    if (finding.where.source != text_variable) continue;
    finding.where = listen;
    finding.source_line.clear();
  }
  for (auto& service : loaded.config.services) {
    for (auto& listener : service.listeners) listener.where = listen;
  }
  return loaded;
}

void require_known_port(const config& settings) {
  const auto& listen = settings.services.front().listeners.front().listen;
  if (listen.type == address::kind::tcp && listen.ports.first == 0)
    throw usage_error("--listen: with port 0 nobody knows where the demo listens",
                      "name a port; without --listen the demo finds a free one");
}

}  // namespace

exit_code demo_command(const invocation& call, const surroundings& around) {
  demo_backends backends(backend_count);
  const auto toml = demo_configuration(choose_listen(call, around), backends.ports());
  const config_sources sources{
      .file = {}, .forwards = {}, .options = overrides(call), .environment = demo_environment(around, toml)};
  const auto loaded = load_demo(sources, {call.has("listen") ? "--listen" : "the demo's address"});
  print_findings(around.error, loaded.diagnostics, wants_colour(around, call.value_of("color")));
  if (!loaded.ok()) return exit_code::bad_config;
  require_known_port(loaded.config);

  proxy demo(loaded.config);
  const auto code = demo.run([&] {
    backends.start();
    around.out << demo_introduction(loaded.config, toml) << std::flush;
  });
  around.out << demo_summary(demo.stats());
  // A browser tab left open is cut at the end: no failure of a demonstration.
  return code == exit_code::cut ? exit_code::done : code;
}

}  // namespace sluice::cli
