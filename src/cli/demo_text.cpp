#include "cli/demo_text.hpp"

#include <array>
#include <cstdio>
#include <sstream>

#include <boost/json.hpp>

#include "cli/demo_backends.hpp"

namespace sluice::cli {
namespace {

/// A TOML basic string; JSON's escapes are among TOML's.
std::string quoted(const std::string& text) { return boost::json::serialize(boost::json::value(text)); }

std::string indented(const std::string& text) {
  std::istringstream lines(text);
  std::string result;
  for (std::string line; std::getline(lines, line);) result += (line.empty() ? "" : "  " + line) + "\n";
  return result;
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "0 %";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f %%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text.data();
}

std::string reasons(const stats& moved) {
  std::string text;
  for (std::size_t i = 0; i < close_reason_count; ++i) {
    if (moved.closed[i] == 0) continue;
    text += (text.empty() ? " (" : ", ") + std::string(to_string(static_cast<close_reason>(i))) + " " +
            std::to_string(moved.closed[i]);
  }
  return text.empty() ? text : text + ")";
}

}  // namespace

std::string demo_configuration(const std::string& listen, const std::vector<std::uint16_t>& backend_ports) {
  std::string toml = "version = 1\n\n[service.demo]\nlisten = [" + quoted(listen) + "]\nbackends = [";
  for (std::size_t i = 0; i < backend_ports.size(); ++i)
    toml += (i == 0 ? "" : ", ") + quoted("127.0.0.1:" + std::to_string(backend_ports[i]));
  // Browsers keep connections open; nobody wants to wait for them after Ctrl-C.
  return toml + "]\n\n[drain]\ntimeout = \"1s\"\n";
}

std::string curl_words(const address& listener, const std::string& path) {
  const std::string through_unix = " 'http://localhost" + path + "'";
  switch (listener.type) {
    case address::kind::unix_path: return "--unix-socket " + listener.path + through_unix;
    case address::kind::unix_abstract: return "--abstract-unix-socket " + listener.path + through_unix;
    case address::kind::activated: return "'http://ADDRESS" + path + "'";  // whoever opened it knows
    case address::kind::srv:
    case address::kind::tcp: break;
  }
  const bool any = listener.host.empty() || listener.host == "0.0.0.0" || listener.host == "::";
  const bool is_ipv6 = listener.host.find(':') != std::string::npos;
  const auto host = any ? "127.0.0.1" : is_ipv6 ? "[" + listener.host + "]" : listener.host;
  return "'http://" + host + ":" + std::to_string(listener.ports.first) + path + "'";
}

std::string demo_introduction(const config& settings, const std::string& toml) {
  const auto& service = settings.services.front();
  const auto& listen = service.listeners.front().listen;
  std::string text = "sluice demo: one service that balances over three small web servers, all in this process.\n\n";
  for (std::size_t i = 0; i < service.backends.size(); ++i) {
    const std::string front = i == 0 ? "  " + to_string(listen) + "  ->  " : "";
    const auto width = to_string(listen).size() + 8;
    text += front + std::string(width - front.size(), ' ') + "backend " + demo_backend_name(i) + " on " +
            to_string(service.backends[i].target) + "\n";
  }
  text +=
      "\nTry in another terminal:\n\n  curl " + curl_words(listen, "/") + "   # a few times: the backends take turns\n";
  text += "  curl -o /dev/null " + curl_words(listen, "/big?bytes=10000000000") + "   # how fast does it go here?\n";
  text += "\nThe same as a file:\n\n" + indented(toml);
  const bool logs = settings.log.access && settings.log.level <= log_level::info;
  return text + (logs ? "\nEvery session is logged when it closes. " : "\n") +
         "Ctrl-C ends the demo and says what moved.\n\n";
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> units = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), value < 100 ? "%.1f %s" : "%.0f %s", value, units[unit]);
  return text.data();
}

std::string demo_summary(const stats& moved) {
  const auto& relay = moved.relay;
  const auto bytes = relay.bytes_spliced + relay.bytes_copied;
  return "\nWhat moved:\n  sessions  " + std::to_string(moved.accepted) + reasons(moved) + "\n  bytes     " +
         human_bytes(moved.received_from_clients) + " from clients, " + human_bytes(moved.sent_to_clients) +
         " to clients\n  spliced   " + percent(relay.bytes_spliced, bytes) + ": " + human_bytes(relay.bytes_spliced) +
         " never entered user space, " + human_bytes(relay.bytes_copied) + " were copied\n  pipes     " +
         std::to_string(relay.pipes_in_use) + " in use, " + std::to_string(relay.pipes_cached) + " kept for reuse, " +
         std::to_string(relay.pipes_refused) + " refused\n";
}

}  // namespace sluice::cli
