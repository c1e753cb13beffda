#pragma once

#include "demand.hpp"

#include "sluice/config_load.hpp"

namespace sluice::fuzz {

/// Loads a configuration from wherever it stands, and demands what holds of every one: it is refused with a place and a
/// text, or what `config show` makes of it loads again and shows the same.
inline void load_and_show(const config_sources& sources) {
  const load_result result = load_config(sources);
  for (const diagnostic& one : result.diagnostics) {
    demand(!one.code.empty(), "a diagnostic has a code");
    demand(!one.text.empty(), "a diagnostic has a text");
    for (const bool colour : {false, true}) demand(!to_text(one, colour).empty(), "a diagnostic can be shown");
  }
  const std::string shown = show_config(sources, false);
  demand(result.ok() != shown.empty(), "what loads is shown, and nothing else");
  if (!result.ok()) return;
  show_config(sources, true);
  config_sources again;
  again.environment = {{"SLUICE_CONFIG", shown + "\n"}};
  demand(load_config(again).ok(), "what is shown loads again");
  demand(show_config(again, false) == shown, "what is shown stays the same");
}

}  // namespace sluice::fuzz
