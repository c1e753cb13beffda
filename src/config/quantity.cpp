#include "config/quantity.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "config/in_quotes.hpp"

namespace sluice::conf {
namespace {

struct unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<unit, 5> time_units{{{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<unit, 4> size_units{{{"GiB", 1ULL << 30U}, {"MiB", 1ULL << 20U}, {"KiB", 1ULL << 10U}, {"B", 1}}};
constexpr std::uint64_t longest_duration = 365 * time_units[0].factor;
constexpr std::uint64_t largest_size = 1ULL << 40U;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool all_digits(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

/// Takes the leading digits away; nullopt if there are none or too many.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::string_view take_word(std::string_view& text) {
  const auto end = std::find_if(text.begin(), text.end(), is_digit);
  const std::string_view word = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(word.size());
  return word;
}

/// How other programs, and people, write our units.
struct other_unit {
  std::string_view theirs;
  std::string_view ours;
};
constexpr std::array<other_unit, 18> other_time_units{{{"msec", "ms"},
                                                       {"millis", "ms"},
                                                       {"milliseconds", "ms"},
                                                       {"S", "s"},
                                                       {"sec", "s"},
                                                       {"secs", "s"},
                                                       {"second", "s"},
                                                       {"seconds", "s"},
                                                       {"min", "m"},
                                                       {"mins", "m"},
                                                       {"minute", "m"},
                                                       {"minutes", "m"},
                                                       {"hr", "h"},
                                                       {"hrs", "h"},
                                                       {"hour", "h"},
                                                       {"hours", "h"},
                                                       {"day", "d"},
                                                       {"days", "d"}}};

/// "write "3s"; " for "3 sec"; empty where nothing of the kind was meant.
std::string meant_by(std::string_view number, std::string_view name) {
  name = name.substr(std::min(name.find_first_not_of(' '), name.size()));
  if (std::any_of(time_units.begin(), time_units.end(), [&](const unit& each) { return each.name == name; }))
    return R"(write ")" + std::string(number) + std::string(name) + R"("; )";
  const auto found = std::find_if(other_time_units.begin(), other_time_units.end(),
                                  [&](const other_unit& each) { return each.theirs == name; });
  return found == other_time_units.end() ? ""
                                         : R"(write ")" + std::string(number) + std::string(found->ours) + R"("; )";
}

template <std::size_t Count>
const unit* find_unit(const std::array<unit, Count>& units, std::string_view name) {
  const auto found = std::find_if(units.begin(), units.end(), [&](const unit& entry) { return entry.name == name; });
  return found == units.end() ? nullptr : &*found;
}

duration_result bad_duration(std::string text, std::string hint) {
  return {{}, complaint{"bad-duration", std::move(text), std::move(hint)}};
}

size_result bad_size(std::string text, std::string hint) {
  return {0, complaint{"bad-size", std::move(text), std::move(hint)}};
}

}  // namespace

duration_result parse_duration(std::string_view text) {
  const std::string usual = R"(write a number and its unit, such as "250ms", "5s" or "1h30m")";
  if (text.empty()) return bad_duration("the duration is empty", usual);
  if (all_digits(text)) {
    return bad_duration(in_quotes(text) + " has no unit", R"(write ")" + std::string(text) + R"(s" for seconds, ")" +
                                                              std::string(text) + R"(ms" for milliseconds)");
  }
  std::uint64_t total = 0;
  std::uint64_t smallest_unit = UINT64_MAX;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view before = rest;
    const std::optional<std::uint64_t> number = take_number(rest);
    if (!number) return bad_duration(in_quotes(text) + " is no duration", usual);
    const std::string_view name = take_word(rest);
    const unit* known = find_unit(time_units, name);
    if (known == nullptr) {
      if (name == "." || name == ",")
        return bad_duration(in_quotes(text) + " has a fraction", R"(numbers are whole: "1m30s", "1500ms")");
      const std::string_view digits = before.substr(0, before.size() - rest.size() - name.size());
      const std::string what = name.empty() ? " has a number without a unit" : " has no known unit: " + in_quotes(name);
      const std::string meant = rest.empty() && before == text ? meant_by(digits, name) : "";
      return bad_duration(in_quotes(text) + what, meant + "the units are ms, s, m, h and d; numbers are whole");
    }
    if (known->factor >= smallest_unit) {
      return bad_duration(in_quotes(text) + " has its units out of order", R"(larger units stand first: "1h30m")");
    }
    smallest_unit = known->factor;
    if (*number > longest_duration / known->factor)
      return bad_duration(in_quotes(text) + " is too long", "at most 365d");
    total += *number * known->factor;
  }
  if (total > longest_duration) return bad_duration(in_quotes(text) + " is too long", "at most 365d");
  return {std::chrono::milliseconds(total), std::nullopt};
}

size_result parse_size(std::string_view text) {
  const std::string usual = R"(write a number and its unit: "512B", "64KiB", "1MiB" or "1GiB")";
  if (text.empty()) return bad_size("the size is empty", usual);
  std::string_view rest = text;
  const std::optional<std::uint64_t> number = take_number(rest);
  if (!number) return bad_size(in_quotes(text) + " is no size", usual);
  const std::string digits(text.substr(0, text.size() - rest.size()));
  if (rest.empty()) {
    return bad_size(in_quotes(text) + " has no unit",
                    R"(write ")" + digits + R"(B" for bytes, ")" + digits + R"(KiB" for 1024 bytes each)");
  }
  const unit* known = find_unit(size_units, rest);
  if (known == nullptr) {
    const char first = static_cast<char>(rest[0] & ~0x20);
    const bool close = first == 'K' || first == 'M' || first == 'G';
    const std::string hint = close ? R"(write ")" + digits + first + R"(iB")" : usual;
    return bad_size(in_quotes(text) + " has no known unit: " + in_quotes(rest), hint);
  }
  if (*number > largest_size / known->factor) return bad_size(in_quotes(text) + " is too large", "at most 1024GiB");
  return {*number * known->factor, std::nullopt};
}

std::string print_duration(std::chrono::milliseconds value) {
  auto rest = static_cast<std::uint64_t>(value.count());
  if (rest == 0) return "0s";
  std::string result;
  for (const unit& entry : time_units) {
    if (rest < entry.factor) continue;
    result += std::to_string(rest / entry.factor) + std::string(entry.name);
    rest %= entry.factor;
  }
  return result;
}

std::string print_size(std::uint64_t bytes) {
  for (const unit& entry : size_units) {
    if (bytes != 0 && bytes % entry.factor == 0) return std::to_string(bytes / entry.factor) + std::string(entry.name);
  }
  return "0B";
}

}  // namespace sluice::conf
