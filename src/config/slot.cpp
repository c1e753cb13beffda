#include "config/slot.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <type_traits>

#include "config/in_quotes.hpp"
#include "config/nearest.hpp"

namespace sluice::conf {
namespace {

template <typename Choice>
struct word {
  std::string_view name;
  Choice value;
};

constexpr std::array<word<relay_mode>, 2> words(relay_mode) {
  return {{{"splice", relay_mode::splice}, {"copy", relay_mode::copy}}};
}
constexpr std::array<word<balance_policy>, 8> words(balance_policy) {
  return {{{"round-robin", balance_policy::round_robin},
           {"least-connections", balance_policy::least_connections},
           {"random", balance_policy::random},
           {"power-of-two", balance_policy::power_of_two},
           {"first", balance_policy::first},
           {"source-hash", balance_policy::source_hash},
           {"maglev", balance_policy::maglev},
           {"ewma", balance_policy::ewma}}};
}
constexpr std::array<word<full_action>, 2> words(full_action) {
  return {{{"wait", full_action::wait}, {"reset", full_action::reset}}};
}
constexpr std::array<word<resolve_mode>, 2> words(resolve_mode) {
  return {{{"first", resolve_mode::first}, {"all", resolve_mode::all}}};
}
constexpr std::array<word<empty_answer>, 2> words(empty_answer) {
  return {{{"keep", empty_answer::keep}, {"apply", empty_answer::apply}}};
}
constexpr std::array<word<down_action>, 2> words(down_action) {
  return {{{"reset", down_action::reset}, {"wait", down_action::wait}}};
}
constexpr std::array<word<leave_action>, 3> words(leave_action) {
  return {{{"keep", leave_action::keep}, {"drain", leave_action::drain}, {"reset", leave_action::reset}}};
}
constexpr std::array<word<health_check>, 9> words(health_check) {
  return {{{"none", health_check::none},
           {"tcp", health_check::tcp},
           {"tls", health_check::tls},
           {"http", health_check::http},
           {"send-expect", health_check::send_expect},
           {"redis", health_check::redis},
           {"postgres", health_check::postgres},
           {"mysql", health_check::mysql},
           {"smtp", health_check::smtp}}};
}
constexpr std::array<word<log_level>, 4> words(log_level) {
  return {{{"debug", log_level::debug},
           {"info", log_level::info},
           {"warning", log_level::warning},
           {"error", log_level::error}}};
}
constexpr std::array<word<log_format>, 3> words(log_format) {
  return {{{"auto", log_format::automatic}, {"text", log_format::text}, {"json", log_format::json}}};
}

std::string_view trimmed(std::string_view text) noexcept {
  const std::size_t first = std::min(text.find_first_not_of(' '), text.size());
  return text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

std::string_view name_of(node::kind type) noexcept {
  switch (type) {
    case node::kind::boolean: return "true or false";
    case node::kind::integer: return "a number";
    case node::kind::floating: return "a fraction";
    case node::kind::text: return "a text";
    case node::kind::date: return "a date";
    case node::kind::null: return "null";
    case node::kind::array: return "a list";
    case node::kind::table: return "a table";
  }
  return "something else";
}

complaint wrong_type(std::string_view wanted, const node& value, std::string hint = {}) {
  return {"bad-type", std::string(wanted) + " is wanted here, not " + std::string(name_of(value.type)),
          std::move(hint)};
}

template <typename Choice>
std::vector<std::string> word_list(Choice any) {
  std::vector<std::string> names;
  for (const auto& entry : words(any)) names.emplace_back(entry.name);
  return names;
}

/// How a value of each type is read. `loose` texts (environment, options) need no quotes and no brackets.
struct reader {
  const node& value;
  const bounds& limits;
  bool loose;

  std::optional<complaint> operator()(bool* target) const {
    if (loose && (value.text == "true" || value.text == "false")) {
      *target = value.text == "true";
    } else if (loose) {
      return complaint{"bad-value", in_quotes(value.text) + " is neither true nor false", "write true or false"};
    } else if (value.type != node::kind::boolean) {
      return wrong_type("true or false", value, hint_without_quotes("true or false"));
    } else {
      *target = value.flag;
    }
    return std::nullopt;
  }

  std::optional<complaint> operator()(std::uint32_t* target) const {
    std::int64_t number = value.number;
    if (loose) {
      const char* end = value.text.data() + value.text.size();
      const auto [stop, error] = std::from_chars(value.text.data(), end, number);
      if (error != std::errc{} || stop != end)
        return complaint{"bad-value", in_quotes(value.text) + " is no whole number", range_hint()};
    } else if (value.type != node::kind::integer) {
      return wrong_type("a whole number", value, hint_without_quotes(range_hint()));
    }
    if (number < 0 || static_cast<std::uint64_t>(number) < limits.least ||
        static_cast<std::uint64_t>(number) > limits.most) {
      return complaint{"bad-value", std::to_string(number) + " is out of range", range_hint()};
    }
    if (limits.refuses != nullptr) {
      if (std::optional<complaint> trouble = limits.refuses(static_cast<std::uint32_t>(number))) return trouble;
    }
    *target = static_cast<std::uint32_t>(number);
    return std::nullopt;
  }

  std::optional<complaint> operator()(std::optional<std::uint32_t>* target) const {
    if (value.type == node::kind::text && value.text == "auto") {
      target->reset();
      return std::nullopt;
    }
    if (!loose && value.type == node::kind::text) {
      return complaint{"bad-value", in_quotes(value.text) + " is not known here",
                       "\"auto\", or a whole number without quotes"};
    }
    std::uint32_t number = 0;
    std::optional<complaint> trouble = (*this)(&number);
    if (trouble)
      trouble->hint = "\"auto\", or " + range_hint();
    else
      *target = number;
    return trouble;
  }

  std::optional<complaint> operator()(std::size_t* target) const {
    if (!loose && value.type == node::kind::integer) return parse_size(std::to_string(value.number)).trouble;
    if (value.type != node::kind::text) return wrong_type("a size", value, R"(such as "64KiB")");
    size_result size = parse_size(value.text);
    if (!size.trouble) *target = size.bytes;
    return std::move(size.trouble);
  }

  std::optional<complaint> operator()(std::chrono::milliseconds* target) const {
    if (!loose && value.type == node::kind::integer) return parse_duration(std::to_string(value.number)).trouble;
    if (value.type != node::kind::text) return wrong_type("a duration", value, R"(such as "5s" or "250ms")");
    duration_result duration = parse_duration(value.text);
    if (duration.trouble) return std::move(duration.trouble);
    const auto count = static_cast<std::uint64_t>(duration.value.count());
    if (count < limits.least || count > limits.most) {
      return complaint{"bad-duration", in_quotes(value.text) + " is out of range",
                       "from " + print_duration(std::chrono::milliseconds(limits.least)) + " to " +
                           print_duration(std::chrono::milliseconds(limits.most))};
    }
    *target = duration.value;
    return std::nullopt;
  }

  std::optional<complaint> operator()(std::chrono::seconds* target) const {
    std::chrono::milliseconds fine{0};
    if (std::optional<complaint> trouble = (*this)(&fine)) return trouble;
    if (fine.count() % 1000 != 0)
      return complaint{"bad-duration", in_quotes(value.text) + " is no whole number of seconds", R"(such as "60s")"};
    *target = std::chrono::duration_cast<std::chrono::seconds>(fine);
    return std::nullopt;
  }

  std::optional<complaint> operator()(std::string* target) const {
    if (value.type != node::kind::text) return wrong_type("a text", value, "in quotes");
    if (value.text.size() < limits.least) return complaint{"bad-value", "this text is empty", ""};
    if (limits.trouble_of != nullptr) {
      if (std::optional<complaint> trouble = limits.trouble_of(value.text)) return trouble;
    }
    *target = value.text;
    return std::nullopt;
  }

  std::optional<complaint> operator()(std::vector<std::string>* target) const {
    std::vector<std::string> texts;
    if (loose) {
      for (std::string_view rest = value.text; !rest.empty();) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        const std::string_view part = trimmed(rest.substr(0, comma));
        if (!part.empty()) texts.emplace_back(part);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
      }
    } else if (value.type != node::kind::array) {
      const bool is_text = value.type == node::kind::text;
      return wrong_type("a list of texts", value, is_text ? "in [ ]: [" + toml_text(value.text) + ']' : "in [ ]");
    }
    for (const node& item : value.items) {
      if (item.type != node::kind::text) return wrong_type("a list of texts", item, "each in quotes");
      texts.push_back(item.text);
    }
    *target = std::move(texts);
    return std::nullopt;
  }

  template <typename Choice>
  std::optional<complaint> operator()(Choice* target) const {
    if (value.type != node::kind::text) return wrong_type("a word", value, "in quotes");
    for (const auto& entry : words(Choice{})) {
      if (entry.name != value.text) continue;
      *target = entry.value;
      return std::nullopt;
    }
    const std::vector<std::string> names = word_list(Choice{});
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + in_quotes(name);
    const std::string near = nearest(value.text, names);
    return complaint{"bad-value", in_quotes(value.text) + " is not known here",
                     (near.empty() ? "" : "did you mean " + in_quotes(near) + "? ") + "allowed: " + list};
  }

  /// A text that looks like the right value has quotes too many.
  std::string hint_without_quotes(const std::string& otherwise) const {
    if (value.type != node::kind::text) return otherwise;
    const bool right = value.text == "true" || value.text == "false" ||
                       (!value.text.empty() && value.text.find_first_not_of("0123456789") == std::string::npos);
    return right ? "without quotes: " + value.text : "without quotes";
  }

  std::string range_hint() const {
    return "a whole number from " + std::to_string(limits.least) + " to " + std::to_string(limits.most);
  }
};

struct printer {
  std::string operator()(const bool* source) const { return *source ? "true" : "false"; }
  std::string operator()(const std::uint32_t* source) const { return std::to_string(*source); }
  std::string operator()(const std::optional<std::uint32_t>* source) const {
    return *source ? std::to_string(**source) : in_quotes("auto");
  }
  std::string operator()(const std::size_t* source) const { return in_quotes(print_size(*source)); }
  std::string operator()(const std::chrono::milliseconds* source) const { return in_quotes(print_duration(*source)); }
  std::string operator()(const std::chrono::seconds* source) const { return in_quotes(print_duration(*source)); }
  std::string operator()(const std::string* source) const { return toml_text(*source); }
  std::string operator()(const std::vector<std::string>* source) const {
    std::string result = "[";
    for (const std::string& text : *source) result += (result.size() > 1 ? ", " : "") + toml_text(text);
    return result + ']';
  }
  template <typename Choice>
  std::string operator()(const Choice* source) const {
    for (const auto& entry : words(Choice{})) {
      if (entry.value == *source) return in_quotes(entry.name);
    }
    return in_quotes("");
  }
};

struct typer {
  key_type operator()(bool*) const { return key_type::boolean; }
  key_type operator()(std::uint32_t*) const { return key_type::count; }
  key_type operator()(std::optional<std::uint32_t>*) const { return key_type::automatic_count; }
  key_type operator()(std::size_t*) const { return key_type::size; }
  key_type operator()(std::chrono::milliseconds*) const { return key_type::duration; }
  key_type operator()(std::chrono::seconds*) const { return key_type::duration; }
  key_type operator()(std::string*) const { return key_type::text; }
  key_type operator()(std::vector<std::string>*) const { return key_type::text_list; }
  template <typename Choice>
  key_type operator()(Choice*) const {
    return key_type::choice;
  }
};

}  // namespace

std::optional<complaint> assign(const slot& target, const node& value, const bounds& limits) {
  return std::visit(reader{value, limits, false}, target);
}

std::optional<complaint> assign(const slot& target, const std::string& value, const bounds& limits) {
  node loose;
  loose.type = node::kind::text;
  loose.text = value;
  return std::visit(reader{loose, limits, true}, target);
}

std::string print(const slot& source) {
  return std::visit([](const auto* value) { return printer{}(value); }, source);
}

key_type type_of(const slot& any) noexcept { return std::visit(typer{}, any); }

std::vector<std::string> words_of(const slot& any) {
  return std::visit(
      [](auto* value) -> std::vector<std::string> {
        using type = std::remove_pointer_t<decltype(value)>;
        if constexpr (std::is_enum_v<type>)
          return word_list(type{});
        else
          return {};
      },
      any);
}

std::string toml_text(const std::string& text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string result = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (text[i] == '"' || text[i] == '\\') {
      result += '\\';
      result += text[i];
    } else if (byte < 0x20 || byte == 0x7F) {
      result += "\\u00";
      result += hex[byte >> 4U];
      result += hex[byte & 0xFU];
    } else {
      if (text[i] == '$' && i + 1 < text.size() && text[i + 1] == '{') result += '$';
      result += text[i];
    }
  }
  return result + '"';
}

}  // namespace sluice::conf
