// Addresses and ranges of ports: of listeners, targets and name servers.
#include <cstdint>
#include <string>
#include <string_view>

#include "demand.hpp"

#include "config/address.hpp"

namespace {

using sluice::fuzz::demand;

template <typename Parse>
void parse_and_print(Parse parse, std::string_view text) {
  const sluice::conf::address_result parsed = parse(text);
  demand(parsed.value.has_value() == parsed.text.empty(), "there is an address or a complaint");
  if (!parsed.value) return;
  demand(parsed.value->ports.first <= parsed.value->ports.last, "a range runs upwards");
  const std::string printed = to_string(*parsed.value);
  const sluice::conf::address_result again = parse(printed);
  demand(again.value.has_value(), "what is printed is an address");
  demand(*again.value == *parsed.value, "what is printed is the same address");
  demand(to_string(*again.value) == printed, "what is printed stays the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  parse_and_print(sluice::conf::parse_listen, text);
  parse_and_print(sluice::conf::parse_target, text);
  parse_and_print(sluice::conf::parse_name_server, text);
  if (const auto literal = sluice::conf::canonical_literal(text))
    demand(sluice::conf::canonical_literal(*literal) == literal, "a canonical literal is its own");
  return 0;
}
