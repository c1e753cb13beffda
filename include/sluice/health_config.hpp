#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

enum class health_check : std::uint8_t { none, tcp, tls, http, send_expect, redis, postgres, mysql, smtp };

/// How a service's backends are checked (keys `health.*`; docs/health.md).
struct health_config {
  health_check check = health_check::none;
  std::chrono::milliseconds interval{2'000};     ///< from one check's start to the next
  std::chrono::milliseconds fast_interval{500};  ///< the same while the last result contradicts the state
  std::chrono::milliseconds timeout{1'000};      ///< of one check, connecting included
  std::uint32_t rise = 2;                        ///< good checks in a row that bring a backend back
  std::uint32_t fall = 3;                        ///< bad ones that take it out
  std::uint32_t jitter = 10;                     ///< percent of the interval, up and down
  std::uint32_t port = 0;                        ///< another port to check; 0: the backend's (the first of a range)
  std::string address;                           ///< another IP address to check; empty: the backend's
  std::string host;                              ///< http: the Host field; empty: the backend's name and port
  std::string path = "/";                        ///< http
  std::string status = "200-399";                ///< http: what is good
  std::string body;                              ///< http: a text to be found in it
  std::string send;                              ///< send-expect
  std::string send_hex;
  std::string expect;
  std::string expect_hex;
  std::string expect_regex;
  std::string tls_name;     ///< tls: the name asked for; empty: the backend's, if it has one
  bool tls_verify = false;  ///< tls: whether the certificate is

  bool operator==(const health_config&) const = default;
};

/// What sessions may tell of a backend before it is left alone for a while (keys `passive.*`); 0 turns a rule off.
struct passive_config {
  std::uint32_t connect_failures = 0;          ///< in a row
  std::uint32_t empty_sessions = 0;            ///< in a row: ended by a backend that had sent nothing, within `window`
  std::chrono::milliseconds window{5'000};     ///< after connecting
  std::uint32_t failed_share = 0;              ///< percent of an interval's sessions that fail in either way
  std::uint32_t min_sessions = 20;             ///< in an interval, for its share to count
  std::chrono::milliseconds interval{10'000};  ///< without a new ejection: the next one lasts half as long
  std::chrono::milliseconds ejection{10'000};  ///< the first; each further one twice as long as the last
  std::chrono::milliseconds longest_ejection{300'000};
  std::uint32_t max_ejected = 50;  ///< percent of a service's backends, rounded down

  bool operator==(const passive_config&) const = default;
  bool is_on() const noexcept { return connect_failures != 0 || empty_sessions != 0 || failed_share != 0; }
};

struct status_range {
  unsigned first = 0;
  unsigned last = 0;
};

/// "200-399" or "200,204,300-399": codes from 100 to 599. nullopt if it is none.
inline std::optional<std::vector<status_range>> parse_status(std::string_view text) {
  std::vector<status_range> ranges;
  const auto take_code = [&text]() -> unsigned {
    if (text.size() < 3) return 0;
    unsigned code = 0;
    for (const char c : text.substr(0, 3)) {
      if (c < '0' || c > '9') return 0;
      code = code * 10 + static_cast<unsigned>(c - '0');
    }
    text.remove_prefix(3);
    return code;
  };
  while (true) {
    status_range range;
    range.first = range.last = take_code();
    if (text.starts_with('-')) {
      text.remove_prefix(1);
      range.last = take_code();
    }
    if (range.first < 100 || range.last > 599 || range.last < range.first) return std::nullopt;
    ranges.push_back(range);
    if (text.empty()) return ranges;
    if (!text.starts_with(',')) return std::nullopt;
    text.remove_prefix(1);
  }
}

/// "50494e47 0d0a": pairs of digits, blanks between them. nullopt if it is none, or empty.
inline std::optional<std::string> parse_hex(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string bytes;
  std::size_t high = digits.npos;
  for (const char c : text) {
    if (c == ' ' && high == digits.npos) continue;
    const std::size_t value = digits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
    if (value == digits.npos) return std::nullopt;
    if (high == digits.npos) {
      high = value;
    } else {
      bytes += static_cast<char>(high * 16 + value);
      high = digits.npos;
    }
  }
  if (high != digits.npos || bytes.empty()) return std::nullopt;
  return bytes;
}

}  // namespace sluice
