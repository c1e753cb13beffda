#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sluice/config.hpp"
#include "sluice/stats.hpp"

namespace sluice::cli {

/// The configuration of the demo, as TOML: one service that balances over `backend_ports` on 127.0.0.1.
std::string demo_configuration(const std::string& listen, const std::vector<std::uint16_t>& backend_ports);

/// What runs and what to try. `settings` is demo_configuration() loaded, with at least one service and listener.
std::string demo_introduction(const config& settings, const std::string& toml);

/// What moved while the demo ran.
std::string demo_summary(const stats& moved);

/// "0 B", "512 B", "1.5 MiB": three digits or so.
std::string human_bytes(std::uint64_t bytes);

/// The words curl needs to get `path` from `listener`, quoted for a shell: "'http://127.0.0.1:8080/'",
/// "--unix-socket /run/demo.sock 'http://localhost/'".
std::string curl_words(const address& listener, const std::string& path);

}  // namespace sluice::cli
