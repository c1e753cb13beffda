#include "config/health_texts.hpp"

#include <algorithm>

#include <boost/regex.hpp>

#include "sluice/health_config.hpp"

#include "config/address.hpp"
#include "config/in_quotes.hpp"

namespace sluice::conf {
namespace {

bool is_printed(char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7F; }

}  // namespace

std::optional<complaint> status_trouble(const std::string& text) {
  if (parse_status(text)) return std::nullopt;
  return complaint{"bad-value", in_quotes(text) + " is no range of status codes",
                   R"(codes from 100 to 599, such as "200-399" or "200,204")"};
}

std::optional<complaint> hex_trouble(const std::string& text) {
  if (text.empty() || parse_hex(text)) return std::nullopt;
  return complaint{"bad-value", in_quotes(text) + " is not hexadecimal", R"(pairs of digits, such as "50494e47 0d0a")"};
}

std::optional<complaint> regex_trouble(const std::string& text) {
  try {
    [[maybe_unused]] const boost::regex usable(text, boost::regex::perl);
    return std::nullopt;
  } catch (const boost::regex_error& error) {
    std::string what = error.what();
    what.resize(std::min(what.find(".  The error"), what.size()));
    return complaint{"bad-value", in_quotes(text) + " is no regular expression", what};
  }
}

std::optional<complaint> ip_trouble(const std::string& text) {
  if (text.empty() || canonical_literal(text)) return std::nullopt;
  return complaint{"bad-value", in_quotes(text) + " is no IP address", "without a port, which is health.port"};
}

std::optional<complaint> line_trouble(const std::string& text) {
  if (std::all_of(text.begin(), text.end(), is_printed)) return std::nullopt;
  return complaint{"bad-value", "blanks and control characters can't stand here", "percent-encode them"};
}

std::optional<complaint> path_trouble(const std::string& text) {
  if (text.empty() || text.front() != '/')
    return complaint{"bad-value", in_quotes(text) + " is no path", "it begins with a slash, such as \"/healthz\""};
  return line_trouble(text);
}

}  // namespace sluice::conf
