// Durations and sizes.
#include <chrono>
#include <cstdint>
#include <string_view>

#include "demand.hpp"

#include "config/quantity.hpp"

using sluice::fuzz::demand;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto duration = sluice::conf::parse_duration(text); !duration.trouble) {
    demand(duration.value.count() >= 0 && duration.value <= std::chrono::hours(24 * 365), "a duration is in bounds");
    const auto again = sluice::conf::parse_duration(sluice::conf::print_duration(duration.value));
    demand(!again.trouble && again.value == duration.value, "a printed duration is the same");
  } else {
    demand(!duration.trouble->text.empty(), "a complaint has a text");
  }
  if (const auto parsed = sluice::conf::parse_size(text); !parsed.trouble) {
    demand(parsed.bytes <= 1ULL << 40, "a size is in bounds");
    const auto again = sluice::conf::parse_size(sluice::conf::print_size(parsed.bytes));
    demand(!again.trouble && again.bytes == parsed.bytes, "a printed size is the same");
  } else {
    demand(!parsed.trouble->text.empty(), "a complaint has a text");
  }
  return 0;
}
