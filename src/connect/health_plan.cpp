#include "connect/health_plan.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace sluice::connect {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t most_excerpt_bytes = 100;  // room for what PostgreSQL and MySQL say behind their headers

std::string decoded(const std::string& hex) {
  if (hex.empty()) return {};
  std::optional<std::string> bytes = parse_hex(hex);
  if (!bytes) throw std::runtime_error("not hexadecimal: " + hex);
  return std::move(*bytes);
}

health_step expecting(std::string_view send, const std::string& regex, std::string wanted_as) {
  health_step step;
  step.send = send;
  step.wanted = health_step::match::regex;
  step.regex = boost::regex(regex, boost::regex::perl);
  step.wanted_as = std::move(wanted_as);
  return step;
}

health_step farewell(std::string_view send) {
  health_step step;
  step.send = send;
  return step;
}

std::vector<health_step> exchange_of(const health_config& settings) {
  health_step step;
  step.send = settings.send.empty() ? decoded(settings.send_hex) : settings.send;
  if (!settings.expect_regex.empty()) {
    step = expecting(step.send, settings.expect_regex, settings.expect_regex);
  } else {
    step.wanted = health_step::match::text;
    step.text = settings.expect.empty() ? decoded(settings.expect_hex) : settings.expect;
    step.wanted_as = excerpt(step.text);
  }
  return {std::move(step)};
}

/// A server that wants a password is up; one that loads its data or lost its master is not.
std::vector<health_step> redis() { return {expecting("PING\r\n"sv, R"(^(\+PONG|-NOAUTH))", "+PONG or -NOAUTH")}; }

/// A start-up packet for the user "sluice" (PostgreSQL, "Message Formats": StartupMessage). A question for a password
/// says that it is up, and so does a refusal of that user or its database (SQLSTATE classes 28 and 3D); one that
/// starts, stops (57P03) or is full (53300) is not. ErrorResponse is 'E', a length, and fields that end with a NUL.
std::vector<health_step> postgres() {
  constexpr std::string_view hello = "\0\0\0\x15\0\3\0\0user\0sluice\0\0"sv;
  static_assert(hello.size() == 0x15);
  return {expecting(hello, R"(^(R|E.{4}([^C\x00][^\x00]*\x00)*C(28|3D)))", "a question for a password")};
}

/// The server speaks first (protocol 10: "Initial Handshake Packet"). Leaving then would count as an error of this
/// machine (max_connect_errors), so the check logs in as "sluice" without a password, and any answer ends it in order:
/// accepted, refused, or asked for another method. Before the greeting an error packet (0xFF) says that it is full or
/// has blocked us.
std::vector<health_step> mysql() {
  // Length 39, number 1; PROTOCOL_41 | SECURE_CONNECTION; 16 MiB; utf8; 23 x 0; name; no password.
  static constexpr std::string_view login =
      "\x28\0\0\1\0\x82\0\0\0\0\0\1\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0sluice\0\0"sv;
  static_assert(login.size() == 4 + 0x28);
  constexpr std::string_view quit = "\1\0\0\0\1"sv;
  return {expecting({}, R"(^.{3}\x00\x0a[^\x00]*\x00)", "a greeting"),
          expecting(login, R"(^.{3}\x02[\x00\xfe\xff])", "an answer to a login"), farewell(quit)};
}

/// The server speaks first; 220 says that it serves (RFC 5321, 3.1).
std::vector<health_step> smtp() { return {expecting({}, "^220[ -]", "220"), farewell("QUIT\r\n"sv)}; }

}  // namespace

bool health_plan::is_good_status(unsigned code) const noexcept {
  return std::any_of(status.begin(), status.end(),
                     [code](const status_range& range) { return range.first <= code && code <= range.last; });
}

health_plan make_health_plan(const health_config& settings) {
  health_plan plan{settings, {}, {}};
  switch (settings.check) {
    case health_check::none:
    case health_check::tcp:
    case health_check::tls: break;
    case health_check::http: {
      std::optional<std::vector<status_range>> ranges = parse_status(settings.status);
      if (!ranges) throw std::runtime_error("not a range of status codes: " + settings.status);
      plan.status = std::move(*ranges);
      break;
    }
    case health_check::send_expect: plan.steps = exchange_of(settings); break;
    case health_check::redis: plan.steps = redis(); break;
    case health_check::postgres: plan.steps = postgres(); break;
    case health_check::mysql: plan.steps = mysql(); break;
    case health_check::smtp: plan.steps = smtp(); break;
  }
  return plan;
}

match_result matches(const health_step& step, std::string_view answer) {
  switch (step.wanted) {
    case health_step::match::nothing: return match_result::yes;
    case health_step::match::text: return answer.find(step.text) == answer.npos ? match_result::no : match_result::yes;
    case health_step::match::regex: break;
  }
  try {
    // Boost.Regex keeps its own stack in blocks and gives up (std::runtime_error) when the work grows out of
    // proportion.
    return boost::regex_search(answer.begin(), answer.end(), step.regex) ? match_result::yes : match_result::no;
  } catch (const std::runtime_error&) {
    return match_result::hopeless;
  }
}

std::string excerpt(std::string_view answer) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text = "\"";
  for (const char c : answer.substr(0, most_excerpt_bytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\r') {
      text += "\\r";
    } else if (c == '\n') {
      text += "\\n";
    } else if (byte < 0x20 || byte >= 0x7F) {
      text += "\\x";
      text += digits[byte >> 4U];
      text += digits[byte & 15U];
    } else {
      text += c;
    }
  }
  text += '"';
  if (answer.size() > most_excerpt_bytes) text += "...";
  return text;
}

}  // namespace sluice::connect
