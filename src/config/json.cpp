#include "config/json.hpp"

#include <string_view>
#include <utility>

#include <boost/json.hpp>

#include "config/in_quotes.hpp"
#include "config/toml_tokens.hpp"

namespace sluice::conf {
namespace {

namespace json = boost::json;

constexpr std::string_view blanks = " \t\r\n";

place place_at(std::string_view text, std::size_t offset) {
  cursor at(text);
  while (at.here().offset < offset && !at.at_end()) at.advance();
  return at.one();
}

/// Where and why a text is not JSON; nothing if it is. Boost.JSON judges.
std::optional<syntax_trouble> trouble_of(std::string_view text) {
  json::stream_parser parser;
  boost::system::error_code error;
  std::size_t read = parser.write_some(text.data(), text.size(), error);
  if (!error) {
    read = std::min(text.find_first_not_of(blanks, read), text.size());
    if (read < text.size()) error = json::make_error_code(json::error::extra_data);
  }
  if (!error) parser.finish(error);
  if (!error) return std::nullopt;
  const std::string why = text.find_first_not_of(blanks) == std::string_view::npos ? "it is empty" : error.message();
  return syntax_trouble{place_at(text, read), "this is not JSON: " + why, "", std::nullopt};
}

/// Walks a text that is known to be JSON, to learn where things stand.
class walker {
 public:
  explicit walker(std::string_view text) : text_(text), at_(text) {}

  node read() {
    skip_blanks();
    const mark start = at_.here();
    node value;
    value.where = at_.one();
    switch (at_.peek()) {
      case '{': read_object(value); break;
      case '[': read_array(value); break;
      default: set(value, json::parse(take_scalar())); value.where = at_.since(start);
    }
    return value;
  }

  std::optional<syntax_trouble> trouble;  ///< a key that stands twice

 private:
  void skip_blanks() {
    while (!at_.at_end() && blanks.find(at_.peek()) != std::string_view::npos) at_.advance();
  }

  /// Over the opening bracket, then over a comma or the closing one: false at the end.
  bool next(char closing) {
    skip_blanks();
    const bool more = at_.peek() != closing;
    if (!more || at_.peek() == ',') at_.advance();
    return more;
  }

  void read_array(node& value) {
    value.type = node::kind::array;
    at_.advance();
    skip_blanks();
    while (next(']')) value.items.push_back(read());
  }

  void read_object(node& value) {
    value.type = node::kind::table;
    at_.advance();
    while (next('}')) {
      skip_blanks();
      const mark start = at_.here();
      const json::value key = json::parse(take_scalar());
      member entry{std::string(key.as_string()), at_.since(start), {}};
      skip_blanks();
      at_.advance();  // the colon
      entry.value = read();
      const member* first = value.find(entry.key);
      if (first != nullptr && !trouble)
        trouble = syntax_trouble{entry.where, "the key " + in_quotes(entry.key) + " stands twice", "",
                                 std::pair(first->where, std::string("first here"))};
      value.members.push_back(std::move(entry));
    }
  }

  /// A text, number or word as it stands.
  std::string_view take_scalar() {
    const std::size_t start = at_.here().offset;
    if (at_.peek() == '"') {
      for (at_.advance(); at_.peek() != '"'; at_.advance())
        if (at_.peek() == '\\') at_.advance();
      at_.advance();
    } else {
      while (!at_.at_end() && blanks.find(at_.peek()) == std::string_view::npos && at_.peek() != ',' &&
             at_.peek() != ']' && at_.peek() != '}')
        at_.advance();
    }
    return text_.substr(start, at_.here().offset - start);
  }

  static void set(node& target, const json::value& value) {
    if (const json::string* text = value.if_string()) {
      target.type = node::kind::text;
      target.text = std::string(*text);
    } else if (const bool* flag = value.if_bool()) {
      target.type = node::kind::boolean;
      target.flag = *flag;
    } else if (const std::int64_t* number = value.if_int64()) {
      target.type = node::kind::integer;
      target.number = *number;
    } else {
      target.type = value.is_null() ? node::kind::null : node::kind::floating;
    }
  }

  std::string_view text_;
  cursor at_;
};

}  // namespace

json_result parse_json(const std::string& text) {
  json_result result;
  result.trouble = trouble_of(text);
  if (result.trouble) return result;
  walker walking(text);
  result.root = walking.read();
  result.trouble = std::move(walking.trouble);
  return result;
}

}  // namespace sluice::conf
