#include "cli/stand_ins.hpp"

#include <sstream>

#include "sluice/config_schema.hpp"

#include "cli/execute.hpp"

namespace sluice::cli::testing {

stand_ins& current() {
  static stand_ins only;
  return only;
}

void reset() {
  current() = {};
  current().loaded.config = small_config();
}

config small_config() {
  service_config service;
  service.name = "web";
  service.listeners.push_back(
      {.listen = {.host = "127.0.0.1", .ports = {8080, 8080}, .path = {}}, .owner = {}, .where = {}});
  service.backends.push_back({.target = {.host = "10.0.0.5", .ports = {80, 80}, .path = {}}, .where = {}});
  config settings;
  settings.services.push_back(service);
  return settings;
}

diagnostic finding(diagnostic::severity level, std::string code, std::string text) {
  diagnostic made;
  made.level = level;
  made.where = {"sluice.toml", 12, 8};
  made.code = std::move(code);
  made.text = std::move(text);
  made.hint = "a hint";
  return made;
}

void refuse_configuration() {
  current().loaded.diagnostics.push_back(finding(diagnostic::severity::error, "unknown-key", "no such key"));
}

outcome execute_with(const std::vector<std::string>& arguments, const environment& variables,
                     const std::string& default_file) {
  std::ostringstream out;
  std::ostringstream error;
  const auto code = execute(
      arguments, surroundings{.out = out, .error = error, .variables = variables, .default_file = default_file});
  return {code, out.str(), error.str()};
}

}  // namespace sluice::cli::testing

namespace sluice {

using cli::testing::current;

bool load_result::ok() const noexcept {
  for (const auto& each : diagnostics) {
    if (each.level == diagnostic::severity::error) return false;
  }
  return true;
}

bool is_own_address(const std::string& literal) { return literal == "192.0.2.1"; }

load_result load_config(const config_sources& sources) {
  current().asked.push_back(sources);
  return current().loaded;
}

std::string show_config(const config_sources& sources, bool origins) {
  current().asked.push_back(sources);
  current().shown_with_origins.push_back(origins);
  return "version = 1\n";
}

std::string config_schema() { return "{}\n"; }

std::string to_text(const diagnostic& value, bool colour) {
  return (colour ? "\033[31m" : "") + value.where.source + ": [" + value.code + "]: " + value.text;
}

std::string to_string(const address& value) { return value.host + ":" + std::to_string(value.ports.first); }

class proxy::impl {};

proxy::proxy(const config& settings) {
  if (current().startup) throw *current().startup;
  current().started.push_back(settings);
}
proxy::~proxy() = default;
exit_code proxy::run(const std::function<void()>& on_ready) {
  if (on_ready) on_ready();
  if (current().while_running) current().while_running();
  return current().run_result;
}
void proxy::stop() {}
stats proxy::stats() const { return current().moved; }

}  // namespace sluice
