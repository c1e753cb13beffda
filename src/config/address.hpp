#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sluice/address.hpp"

namespace sluice::conf {

struct address_result {
  std::optional<address> value;
  std::string text;  ///< what is wrong, when there is no value
  std::string hint;
};

/// What a listener may be: 8080, 9000-9099, 10.0.0.1:80, [::1]:80, unix:PATH, unix:@NAME, fd:NAME. Port 0 lets the
/// kernel choose.
address_result parse_listen(std::string_view text);

/// What a backend may be: HOST:PORT or HOST:FIRST-LAST with a literal or a name, unix:PATH, unix:@NAME.
address_result parse_target(std::string_view text);

/// A name server: an IP literal, with a port or without (53).
address_result parse_name_server(std::string_view text);

/// The literal in its shortest form ("::1" for "0::1"); nullopt if it is none. Zones ("%eth0") are kept.
std::optional<std::string> canonical_literal(std::string_view host);

}  // namespace sluice::conf
