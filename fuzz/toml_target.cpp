// A configuration as TOML, from its text to what `config show` prints.
#include <cstdint>
#include <string>

#include "loading.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  sluice::config_sources sources;
  // With a line end it is a text and never a path.
  sources.environment = {{"SLUICE_CONFIG", text + "\n"}, {"NAME", "value"}, {"PORT", "8080"}};
  sluice::fuzz::load_and_show(sources);
  return 0;
}
