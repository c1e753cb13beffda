#include "config/address.hpp"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "config/in_quotes.hpp"
#include "config/toml_scalars.hpp"

namespace sluice::conf {
namespace {

constexpr std::size_t longest_unix_path = 107;  // sun_path less its NUL
constexpr std::size_t longest_name = 253;
constexpr std::size_t longest_fd_name = 255;  // sd_listen_fds(3)
constexpr std::string_view unix_prefix = "unix:";
constexpr std::string_view fd_prefix = "fd:";
constexpr std::string_view srv_prefix = "srv+";

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

address_result bad(std::string text, std::string hint) { return {std::nullopt, std::move(text), std::move(hint)}; }

bool is_port_text(std::string_view text) noexcept {
  return !text.empty() && is_digit(text[0]) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '-'; });
}

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return port;
}

/// Fills result.value->ports or the complaint. "0-10" is refused: 0 is no port among others.
void parse_ports(std::string_view text, address_result& result) {
  const std::size_t dash = text.find('-');
  const std::optional<std::uint16_t> first = parse_port(text.substr(0, dash));
  const std::optional<std::uint16_t> last = dash == std::string_view::npos ? first : parse_port(text.substr(dash + 1));
  if (!first || !last) {
    result = bad(in_quotes(text) + " is no port", "ports are numbers from 1 to 65535, ranges look like 9000-9099");
  } else if (*last < *first) {
    result = bad("the range " + in_quotes(text) + " runs backwards",
                 "write " + std::to_string(*last) + "-" + std::to_string(*first));
  } else if (*first == 0 && *last != 0) {
    result = bad("a range can't begin with port 0", "ports are numbers from 1 to 65535");
  } else {
    result.value->ports = {*first, *last};
  }
}

/// "http://10.0.0.5:80/up" as what it is to us: 10.0.0.5:80.
std::optional<address_result> as_url(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  const std::string_view rest = text.substr(scheme + 3);
  return bad(in_quotes(text) + " is a URL", "sluice moves bytes: write " + std::string(rest.substr(0, rest.find('/'))));
}

address_result parse_unix(std::string_view rest) {
  address result;
  result.type = address::kind::unix_path;
  if (rest.starts_with('@')) {
    result.type = address::kind::unix_abstract;
    rest.remove_prefix(1);
  }
  if (rest.empty())
    return bad("the unix socket has no name", "write unix:/run/app.sock, or unix:@name for an abstract one");
  if (rest.find('\0') != std::string_view::npos) return bad("the unix socket's name has a NUL in it", "");
  if (find_bad_byte(rest)) return bad("the unix socket's name is not UTF-8, or has a control character in it", "");
  if (rest.size() > longest_unix_path) {
    return bad("the unix socket's name has " + std::to_string(rest.size()) + " bytes", "the kernel takes at most 107");
  }
  result.path = rest;
  return {result, "", ""};
}

/// What FileDescriptorName= of a socket unit takes.
address_result parse_activated(std::string_view name) {
  const std::string hint = "write fd:NAME, with the FileDescriptorName= of the socket unit";
  if (name.empty()) return bad("the descriptor has no name", hint);
  const bool printable = std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7F && c != ':'; });
  if (!printable || name.size() > longest_fd_name) return bad(in_quotes(name) + " is no name of a descriptor", hint);
  address result;
  result.type = address::kind::activated;
  result.path = name;
  return {result, "", ""};
}

/// What follows the '%' of an IPv6 literal: an interface's name, or its number.
bool is_zone(std::string_view zone) noexcept {
  static constexpr std::string_view never = "/:%[]";
  return !zone.empty() && zone.size() < IF_NAMESIZE && std::all_of(zone.begin(), zone.end(), [](char c) {
    return c > ' ' && c <= '~' && never.find(c) == std::string_view::npos;
  });
}

bool is_name(std::string_view host) noexcept {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.empty() || host.size() > longest_name || host.starts_with('-')) return false;
  std::size_t label = 0;
  for (const char c : host) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
    } else if ((std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '_') || ++label > 63) {
      return false;
    }
  }
  // What looks like an IPv4 address but is none ("10.0.0.256") is a mistake, not a name.
  return label != 0 && !std::all_of(host.begin(), host.end(), [](char c) { return is_digit(c) || c == '.'; });
}

address_result parse_srv(std::string_view name) {
  const std::string example = "such as srv+_web._tcp.internal";
  if (is_name(name)) {
    address result;
    result.type = address::kind::srv;
    result.host = name;
    return {result, "", ""};
  }
  const std::string_view host = name.substr(0, name.find(':'));
  if (host.size() < name.size() && is_name(host))
    return bad("an SRV record has the port itself", "write srv+" + std::string(host));
  return bad(in_quotes(name) + " is no name of SRV records", "write srv+ and a name, " + example);
}

/// Splits HOST:PORTS or [V6]:PORTS. The host is left as written, ports are parsed.
address_result split_host(std::string_view text, std::string_view example) {
  address_result result;
  result.value.emplace();
  std::size_t colon = text.rfind(':');
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos)
      return bad("`]` is missing in " + in_quotes(text), "IPv6 looks like [::1]:80");
    if (bracket + 1 >= text.size() || text[bracket + 1] != ':')
      return bad(in_quotes(text) + " has no port", "IPv6 looks like [::1]:80");
    colon = bracket + 1;
    result.value->host = text.substr(1, bracket - 1);
    if (!canonical_literal(result.value->host) || result.value->host.find(':') == std::string::npos) {
      return bad(in_quotes(result.value->host) + " is no IPv6 address", "IPv6 looks like [::1]:80");
    }
  } else if (colon == std::string_view::npos) {
    return bad(in_quotes(text) + " has no port", "write HOST:PORT, such as " + std::string(example));
  } else {
    result.value->host = text.substr(0, colon);
    if (result.value->host.find(':') != std::string::npos) {
      const std::string inner(text.substr(0, colon));
      return bad(in_quotes(text) + " mixes IPv6 colons with the port's",
                 canonical_literal(inner) ? "write [" + inner + "]:" + std::string(text.substr(colon + 1))
                                          : "IPv6 looks like [::1]:80");
    }
  }
  parse_ports(text.substr(colon + 1), result);
  return result;
}

}  // namespace

std::optional<std::string> canonical_literal(std::string_view host) {
  const std::size_t percent = host.find('%');
  const std::string bare(host.substr(0, percent));
  if (bare.find('\0') != std::string::npos) return std::nullopt;
  std::array<unsigned char, sizeof(in6_addr)> raw{};
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = bare.find(':') == std::string::npos ? AF_INET : AF_INET6;
  const bool bad_zone = percent != std::string_view::npos && (family == AF_INET || !is_zone(host.substr(percent + 1)));
  if (bad_zone || ::inet_pton(family, bare.c_str(), raw.data()) != 1) return std::nullopt;
  ::inet_ntop(family, raw.data(), text.data(), text.size());
  return text.data() + (percent == std::string_view::npos ? std::string() : std::string(host.substr(percent)));
}

address_result parse_listen(std::string_view text) {
  if (text.starts_with(unix_prefix)) return parse_unix(text.substr(unix_prefix.size()));
  if (text.starts_with(fd_prefix)) return parse_activated(text.substr(fd_prefix.size()));
  if (auto url = as_url(text)) return *std::move(url);
  if (text.empty()) return bad("the address is empty", "write 8080, 127.0.0.1:8080 or unix:/run/app.sock");
  if (text.size() > 1 && text[0] == ':' && is_port_text(text.substr(1))) text.remove_prefix(1);
  if (is_port_text(text)) {
    address_result result;
    result.value.emplace();
    parse_ports(text, result);
    return result;
  }
  address_result result = split_host(text, "127.0.0.1:8080 (or just 8080 for every address)");
  if (!result.value) return result;
  const std::string ports(text.substr(text.rfind(':') + 1));
  if (result.value->host == "*")
    return bad(in_quotes(text) + " is no address", "write just " + ports + " for every address");
  const std::optional<std::string> literal = canonical_literal(result.value->host);
  if (!literal) {
    const bool localhost = result.value->host == "localhost";
    return bad("a listener needs an IP address, " + in_quotes(result.value->host) + " is none",
               (localhost ? "write 127.0.0.1:" : "write 0.0.0.0:") + ports + (localhost ? "" : ", or just " + ports));
  }
  result.value->host = *literal;
  return result;
}

address_result parse_target(std::string_view text) {
  if (text.starts_with(unix_prefix)) return parse_unix(text.substr(unix_prefix.size()));
  if (text.starts_with(srv_prefix)) return parse_srv(text.substr(srv_prefix.size()));
  if (auto url = as_url(text)) return *std::move(url);
  if (text.empty()) return bad("the address is empty", "write HOST:PORT, such as 10.0.0.5:80, or unix:/run/app.sock");
  if (is_port_text(text))
    return bad(in_quotes(text) + " has no host", "write HOST:PORT, such as 127.0.0.1:" + std::string(text));
  address_result result = split_host(text, "10.0.0.5:80");
  if (!result.value) return result;
  if (result.value->ports.first == 0) return bad("a backend can't have port 0", "ports are numbers from 1 to 65535");
  if (const std::optional<std::string> literal = canonical_literal(result.value->host)) {
    result.value->host = *literal;
  } else if (!is_name(result.value->host)) {
    const bool numbers =
        !result.value->host.empty() && result.value->host.find_first_not_of("0123456789.") == std::string::npos;
    return bad(
        in_quotes(result.value->host) + " is neither an IP address nor a name",
        (numbers ? "IPv4 is four numbers from 0 to 255; " : "") + std::string("write HOST:PORT, such as 10.0.0.5:80"));
  }
  return result;
}

address_result parse_name_server(std::string_view text) {
  address_result result;
  if (std::optional<std::string> literal = canonical_literal(text)) {
    result.value.emplace();
    result.value->host = std::move(*literal);
    result.value->ports = {53, 53};
    return result;
  }
  result = parse_target(text);
  if (!result.value) return result;
  const bool usable = result.value->type == address::kind::tcp && canonical_literal(result.value->host) &&
                      result.value->ports.size() == 1;
  if (!usable)
    return bad(in_quotes(text) + " is no name server",
               "write its IP address, with a port or without: \"127.0.0.1:53\"");
  return result;
}

}  // namespace sluice::conf

namespace sluice {

std::string to_string(const address& value) {
  if (value.type == address::kind::unix_path) return "unix:" + value.path;
  if (value.type == address::kind::unix_abstract) return "unix:@" + value.path;
  if (value.type == address::kind::activated) return "fd:" + value.path;
  if (value.type == address::kind::srv) return "srv+" + value.host;
  std::string ports = std::to_string(value.ports.first);
  if (value.ports.last != value.ports.first) ports += '-' + std::to_string(value.ports.last);
  if (value.host.empty()) return ports;
  if (value.host.find(':') != std::string::npos) return '[' + value.host + "]:" + ports;
  return value.host + ':' + ports;
}

}  // namespace sluice
