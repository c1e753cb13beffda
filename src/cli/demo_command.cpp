#include "cli/demo_command.hpp"

#include <ostream>

#include "sluice/proxy.hpp"

#include "cli/configuration.hpp"
#include "cli/demo_backends.hpp"
#include "cli/demo_text.hpp"
#include "cli/sources.hpp"

namespace sluice::cli {
namespace {

constexpr std::size_t backend_count = 3;
constexpr std::uint16_t usual_port = 8080;

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
    if (variable.first != "SLUICE_CONFIG" && variable.first != "SLUICE_FORWARD") variables.push_back(variable);
  }
  variables.emplace_back("SLUICE_CONFIG", toml);
  return variables;
}

}  // namespace

exit_code demo_command(const invocation& call, const surroundings& around) {
  demo_backends backends(backend_count);
  const auto toml = demo_configuration(choose_listen(call, around), backends.ports());
  const config_sources sources{
      .file = {}, .forwards = {}, .options = overrides(call), .environment = demo_environment(around, toml)};
  const auto loaded = load_and_report(call, around, sources);
  if (!loaded.ok()) return exit_code::bad_config;

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
