// A backends_file, as JSON and as TOML.
#include <cstdint>
#include <string>

#include "demand.hpp"

#include "config/backends_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sluice::fuzz::demand;
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const char* name : {"b.json", "b.toml"}) {
    sluice::config settings;
    settings.services.emplace_back().backends_file = name;
    const sluice::conf::backends_result read = sluice::conf::load_backends(settings, 0, text);
    for (const sluice::diagnostic& one : read.diagnostics) {
      demand(one.where.source == name && one.where.line > 0 && one.where.column > 0, "a diagnostic has a place");
      demand(!to_text(one, false).empty(), "a diagnostic can be shown");
    }
    for (const sluice::backend_config& one : read.backends) {
      demand(one.from_file, "a backend says where it is from");
      demand(!to_string(one.target).empty(), "a backend has an address");
    }
  }
  return 0;
}
