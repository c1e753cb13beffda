#include <filesystem>
#include <fstream>
#include <sstream>

#include "config_text.hpp"

#include "sluice/config_keys.hpp"

#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

const std::filesystem::path folder = SLUICE_CONF_DIR;

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// "max_connections" of "limits.max_connections".
std::string last_part(const std::string& name) { return name.substr(name.rfind('.') + 1); }

}  // namespace

TEST_CASE("samples: every file in conf/ is right", "[config][samples]") {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".toml") continue;
    ++files;
    config_sources sources;
    sources.file = entry.path().string();
    const load_result result = load_config(sources);
    INFO(messages(result));
    CHECK(result.diagnostics.empty());
    CHECK(text_of(entry.path()).starts_with("# "));
  }
  CHECK(files >= 4);
}

TEST_CASE("samples: reference.toml holds the built-in defaults", "[config][samples]") {
  config_sources reference;
  reference.file = (folder / "reference.toml").string();
  config_sources bare;
  bare.forwards = {"8080=10.0.0.5:80"};
  const std::string shown = show_config(reference, false);
  CHECK_FALSE(shown.empty());
  CHECK(shown == show_config(bare, false));
}

TEST_CASE("samples: reference.toml sets every key itself", "[config][samples]") {
  config_sources reference;
  reference.file = (folder / "reference.toml").string();
  const std::string text = text_of(reference.file);
  std::istringstream lines(show_config(reference, true));
  std::size_t defaults_left = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with("# default")) {
      ++defaults_left;
      UNSCOPED_INFO(line << " is not in reference.toml");
    }
  }
  CHECK(defaults_left == 0);
  for (const config_key& key : config_keys()) {
    CAPTURE(key.name);
    CHECK(text.find(last_part(key.name)) != std::string::npos);
  }
}

TEST_CASE("samples: the service shown in reference.toml is right", "[config][samples]") {
  std::istringstream lines(text_of(folder / "reference.toml"));
  std::string text;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    inside = inside || line == "# [service.web]";
    if (inside && !line.starts_with("# ")) break;
    if (inside) text += line.substr(2) + '\n';
  }
  const load_result result = load_text(text);
  INFO(messages(result));
  CHECK(result.ok());
  CHECK(result.config.services.at(0).listeners.size() == 3);
}
