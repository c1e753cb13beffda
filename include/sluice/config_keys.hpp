#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// What a key's value looks like in TOML.
enum class key_type : std::uint8_t {
  boolean,          ///< true
  count,            ///< 4096
  automatic_count,  ///< "auto" or 4096
  size,             ///< "64KiB"
  duration,         ///< "5s"
  choice,           ///< one of config_key::allowed
  text,             ///< "stderr"
  text_list,        ///< ["127.0.0.1:53"]
  address_list,     ///< one address, one table, or a list of both
  table,            ///< keys of the user's own
};

/// One key of the configuration, for everything that lists them: `config show`, environment names, help, schema, man
/// pages.
struct config_key {
  std::string name;  ///< "log.level"; "defaults.relay" stands for "service.NAME.relay" too
  key_type type;
  std::string default_value;         ///< as TOML: "\"info\""; empty where there is none
  std::vector<std::string> allowed;  ///< choice: the words
  std::string doc;                   ///< one sentence: what it does
  std::string environment;           ///< "SLUICE_LOG_LEVEL"; empty where the environment can't set it
  std::uint64_t least = 0;           ///< of a count
  std::uint64_t most = 0;            ///< of a count
};

/// Every key there is, in the order in which they are shown. Made once, never changed. Thread: any.
const std::vector<config_key>& config_keys();

/// The key of this name, nullptr if there is none.
const config_key* find_config_key(std::string_view name);

}  // namespace sluice
