// A configuration by environment and command line. The input is a list of words with a NUL between them: NAME=VALUE is
// a variable, --KEY=VALUE an option, any other a mapping.
#include <cstdint>
#include <string>
#include <string_view>

#include "loading.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  sluice::config_sources sources;
  while (!rest.empty()) {
    const std::string_view word = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(word.size() == rest.size() ? word.size() : word.size() + 1);
    const auto equals = word.find('=');
    const std::string name(word.substr(0, equals));
    const std::string value(equals == word.npos ? "" : word.substr(equals + 1));
    if (name == "SLUICE_CONFIG") continue;  // may name a file; its text is the business of another target
    if (name.starts_with("--")) {
      sources.options.push_back({name.substr(2), value, name});
    } else if (name.starts_with("SLUICE_") || name == "NAME") {
      sources.environment.emplace_back(name, value);
    } else {
      sources.forwards.emplace_back(word);
    }
  }
  sluice::fuzz::load_and_show(sources);
  return 0;
}
