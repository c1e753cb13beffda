#include "config/toml_scan.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/toml_hints.hpp"
#include "config/toml_scalars.hpp"
#include "config/toml_tokens.hpp"

namespace sluice::conf {
namespace {

constexpr int max_depth = 64;
constexpr char path_separator = '\x1f';

struct key_part {
  std::string name;
  place where;
};

/// One pass over one text. Every scan_ function returns false when trouble_ is set, and then nothing goes on.
class scanner {
 public:
  explicit scanner(std::string_view text) : text_(text), cursor_(text) {}

  scan_result run() {
    scan_result result;
    node* table = &result.root;
    result.root.where = {1, 1, 1};
    check_characters();
    while (!trouble_ && cursor_.skip_blank_lines()) {
      const bool good = cursor_.peek() == '[' ? scan_header(result.root, table) : scan_pair(*table, table_path_, 0);
      if (good) expect_end_of_line();
    }
    result.trouble = std::move(trouble_);
    return result;
  }

 private:
  void check_characters() {
    const std::optional<std::size_t> bad = find_bad_byte(text_);
    if (!bad) return;
    cursor before(text_);
    while (before.here().offset < *bad) before.advance();
    const bool control = static_cast<unsigned char>(text_[*bad]) < 0x80;
    if (control)
      fail(before.one(), "a control character stands here", "in double quotes it can be written as \\u00XX");
    else
      fail(before.one(), "this is not UTF-8", "save the file as UTF-8");
  }

  bool fail(place where, std::string text, std::string hint = {}) {
    trouble_ = syntax_trouble{where, std::move(text), std::move(hint), std::nullopt};
    return false;
  }

  bool expect_end_of_line() {
    cursor_.skip_spaces();
    if (cursor_.at_line_end() || cursor_.peek() == '#') return true;
    if (is_foreign_blank()) return false;
    const bool comma = cursor_.peek() == ',';
    return fail(cursor_.rest_of_line(), "the line should end here",
                comma ? "no comma stands at the end of a line"
                      : "one `key = value` a line; texts stand in quotes, lists in [ ]");
  }

  bool scan_key(std::vector<key_part>& parts) {
    for (;;) {
      cursor_.skip_spaces();
      const mark start = cursor_.here();
      key_part part;
      if (cursor_.peek() == '"' || cursor_.peek() == '\'') {
        string_token token = cursor_.take_string();
        if (token.trouble) return fail_string(token);
        if (token.multi_line) return fail(token.where, "a key can't be a text of several lines");
        part = {std::move(token.text), token.where};
      } else {
        part.name = cursor_.take_bare_key();
        part.where = cursor_.since(start);
        if (part.name.empty()) {
          part.where.width = 1;
          if (is_foreign_blank()) return false;
          return fail(part.where, "a key is expected here", hint_for_key(rest()));
        }
      }
      parts.push_back(std::move(part));
      if (parts.size() > max_depth) return fail_depth(parts.back().where);
      cursor_.skip_spaces();
      if (cursor_.peek() != '.') return true;
      cursor_.advance();
    }
  }

  std::string_view rest() const noexcept { return text_.substr(cursor_.here().offset); }

  /// A blank that is none in TOML; pages and word processors are full of them.
  bool is_foreign_blank() {
    const std::string_view name = foreign_blank(rest());
    if (name.empty()) return false;
    fail(cursor_.one(), "a " + std::string(name) + " stands here", "replace it by a plain blank");
    return true;
  }

  bool fail_string(const string_token& token) { return fail(token.where, token.trouble->first, token.trouble->second); }

  /// The table under `part`, made if it is new. nullptr (and trouble) if the key holds a value.
  node* descend(node& table, const key_part& part, std::string& path) {
    path += part.name + path_separator;
    const auto found = std::find_if(table.members.begin(), table.members.end(),
                                    [&](const member& candidate) { return candidate.key == part.name; });
    if (found == table.members.end()) {
      node fresh;
      fresh.where = part.where;
      table.members.push_back({part.name, part.where, std::move(fresh)});
      return &table.members.back().value;
    }
    node& value = found->value;
    if (value.type == node::kind::table) return &value;
    if (value.type == node::kind::array && !value.items.empty() && value.items.back().type == node::kind::table) {
      path += std::to_string(value.items.size()) + path_separator;
      return &value.items.back();
    }
    fail(part.where, "`" + part.name + "` has a value already, it can't be a table too");
    trouble_->related = {found->where, "given here"};
    return nullptr;
  }

  bool remember(const std::string& path, const key_part& part, std::string_view what) {
    const auto [known, fresh] = seen_.emplace(path, part.where);
    if (fresh) return true;
    fail(part.where, std::string(what) + " `" + part.name + "` is given twice", "keep one of them");
    trouble_->related = {known->second, "first given here"};
    return false;
  }

  bool scan_header(node& root, node*& table) {
    const mark start = cursor_.here();
    cursor_.advance();
    const bool is_array = cursor_.peek() == '[';
    if (is_array) cursor_.advance();
    std::vector<key_part> parts;
    if (!scan_key(parts)) return false;
    for (int brackets = is_array ? 2 : 1; brackets > 0; --brackets) {
      if (cursor_.peek() != ']')
        return fail(cursor_.since(start), "`]` is missing", "a table's name stands in brackets: [service.web]");
      cursor_.advance();
    }
    table = &root;
    table_path_.clear();
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      table = descend(*table, parts[i], table_path_);
      if (table == nullptr) return false;
    }
    return is_array ? open_array_table(table, parts.back()) : open_table(table, parts.back());
  }

  bool open_table(node*& table, const key_part& part) {
    table = descend(*table, part, table_path_);
    return table != nullptr && remember(table_path_ + path_separator, part, "the table");
  }

  bool open_array_table(node*& table, const key_part& part) {
    auto found = std::find_if(table->members.begin(), table->members.end(),
                              [&](const member& candidate) { return candidate.key == part.name; });
    if (found == table->members.end()) {
      node list;
      list.type = node::kind::array;
      list.where = part.where;
      table->members.push_back({part.name, part.where, std::move(list)});
      found = table->members.end() - 1;
    } else if (found->value.type != node::kind::array) {
      fail(part.where, "`" + part.name + "` is no list of tables");
      trouble_->related = {found->where, "given here"};
      return false;
    }
    node fresh;
    fresh.where = part.where;
    found->value.items.push_back(std::move(fresh));
    table_path_ += part.name + path_separator + std::to_string(found->value.items.size()) + path_separator;
    table = &found->value.items.back();
    return true;
  }

  bool scan_pair(node& table, std::string path, int depth) {
    std::vector<key_part> parts;
    if (!scan_key(parts)) return false;
    if (depth + static_cast<int>(parts.size()) > max_depth) return fail_depth(parts.back().where);
    if (cursor_.peek() != '=') {
      if (is_foreign_blank()) return false;
      std::string written;
      for (const key_part& part : parts) written += (written.empty() ? "" : ".") + part.name;
      return fail(cursor_.one(), "`=` is expected here", hint_for_equals(written, rest()));
    }
    cursor_.advance();
    node* target = &table;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      target = descend(*target, parts[i], path);
      if (target == nullptr) return false;
    }
    const key_part& last = parts.back();
    path += last.name + path_separator;
    if (!remember(path, last, "the key")) return false;
    cursor_.skip_spaces();
    if (cursor_.at_line_end() || cursor_.peek() == '#') {
      return fail(last.where, "`" + last.name + "` has no value", "write it behind the `=`, a text in quotes");
    }
    node value;
    if (!scan_value(value, path, depth + 1)) return false;
    target->members.push_back({last.name, last.where, std::move(value)});
    return true;
  }

  bool fail_depth(place where) { return fail(where, "nested too deeply", "64 levels are the limit"); }

  bool scan_value(node& value, const std::string& path, int depth) {
    if (depth > max_depth) return fail_depth(cursor_.one());
    const char first = cursor_.peek();
    if (first == '[') return scan_array(value, path, depth);
    if (first == '{') return scan_inline_table(value, path, depth);
    if (first == '"' || first == '\'') {
      const string_token token = cursor_.take_string();
      if (token.trouble) return fail_string(token);
      value.type = node::kind::text;
      value.where = token.where;
      value.verbatim = token.verbatim;
      return true;
    }
    if (is_foreign_blank()) return false;
    const mark start = cursor_.here();
    const std::string token = cursor_.take_bare_value();
    value.where = cursor_.since(start);
    if (token.empty())
      return fail(cursor_.one(), "a value is expected here", "a text in quotes, a number, true or false");
    if (is_scalar(token)) return true;
    return fail(value.where, "`" + token + "` is no value", hint_for_value(token));
  }

  bool scan_array(node& value, const std::string& path, int depth) {
    const mark start = cursor_.here();
    const place bracket = cursor_.one();
    value.type = node::kind::array;
    cursor_.advance();
    for (;;) {
      if (!cursor_.skip_blank_lines()) return fail_list(bracket);
      if (cursor_.peek() == ']') break;
      if (cursor_.here().line > start.line && begins_something_else(rest())) return fail_list(bracket, cursor_.one());
      node item;
      if (!scan_value(item, path + std::to_string(value.items.size()) + path_separator, depth + 1)) return false;
      value.items.push_back(std::move(item));
      if (!cursor_.skip_blank_lines()) return fail_list(bracket);
      if (cursor_.peek() == ']') break;
      if (cursor_.peek() != ',') {
        if (cursor_.here().line > start.line && begins_something_else(rest())) return fail_list(bracket, cursor_.one());
        fail(cursor_.one(), "`,` or `]` is expected here", "a comma stands between two items");
        trouble_->related = {bracket, "the list begins here"};
        return false;
      }
      cursor_.advance();
    }
    cursor_.advance();
    value.where = cursor_.since(start);
    return true;
  }

  bool fail_list(place bracket, std::optional<place> before = std::nullopt) {
    fail(bracket, "this list is not closed", "`]` is missing");
    if (before) trouble_->related = {*before, "it must end before this"};
    return false;
  }

  bool scan_inline_table(node& value, const std::string& path, int depth) {
    const mark start = cursor_.here();
    value.type = node::kind::table;
    cursor_.advance();
    cursor_.skip_spaces();
    while (cursor_.peek() != '}') {
      if (cursor_.at_line_end() || cursor_.peek() == '#') {
        return fail(cursor_.since(start), "this table is not closed",
                    "{ ... } must stand on one line; a long one is a [table] of its own");
      }
      if (!scan_pair(value, path, depth)) return false;
      cursor_.skip_spaces();
      if (cursor_.peek() == '}') break;
      if (cursor_.at_line_end() || cursor_.peek() == '#') continue;
      if (cursor_.peek() != ',')
        return fail(cursor_.one(), "`,` or `}` is expected here", "a comma stands between two keys");
      const place comma = cursor_.one();
      cursor_.advance();
      cursor_.skip_spaces();
      if (cursor_.peek() == '}') return fail(comma, "no `,` may stand before `}`", "take it away");
    }
    cursor_.advance();
    value.where = cursor_.since(start);
    return true;
  }

  std::string_view text_;
  cursor cursor_;
  std::string table_path_;
  std::unordered_map<std::string, place> seen_;
  std::optional<syntax_trouble> trouble_;
};

}  // namespace

scan_result scan_toml(std::string_view text) { return scanner(text).run(); }

}  // namespace sluice::conf
