#pragma once

#include <string>

namespace sluice {

/// The JSON Schema (draft-07, which Taplo reads) of a configuration file: every key of config_keys() with its type, its
/// words or bounds, its default and what it does. It takes what load_config() takes as far as a schema can tell; a text
/// with a `${NAME}` in it is taken for any value that is a text. Thread: any.
std::string config_schema();

}  // namespace sluice
