#include "config/toml.hpp"

#include "support/catch.hpp"

using namespace sluice::conf;

namespace {

std::string show(const place& where) {
  return std::to_string(where.line) + ':' + std::to_string(where.column) + '+' + std::to_string(where.width);
}

const member& at(const node& table, std::string_view key) {
  const member* found = table.find(key);
  REQUIRE(found != nullptr);
  return *found;
}

}  // namespace

TEST_CASE("toml: keys and values know their places", "[config][toml]") {
  const toml_result result =
      parse_toml("a = 1\n  \"b c\" = 'x'  # note\n[s.t]\nlist = [\n  \"one\", { k = true },\n]\nd.e = 1.5\n");
  REQUIRE_FALSE(result.trouble);
  CHECK(show(at(result.root, "a").where) == "1:1+1");
  CHECK(show(at(result.root, "a").value.where) == "1:5+1");
  CHECK(show(at(result.root, "b c").where) == "2:3+5");
  CHECK(show(at(result.root, "b c").value.where) == "2:11+3");
  const node& table = at(at(result.root, "s").value, "t").value;
  CHECK(show(at(result.root, "s").where) == "3:2+1");
  CHECK(show(table.where) == "3:4+1");
  const node& list = at(table, "list").value;
  CHECK(show(list.where) == "4:8+1");
  REQUIRE(list.items.size() == 2);
  CHECK(show(list.items[0].where) == "5:3+5");
  CHECK(show(list.items[1].where) == "5:10+12");
  CHECK(show(at(list.items[1], "k").value.where) == "5:16+4");
  CHECK(show(at(at(table, "d").value, "e").where) == "7:3+1");
}

TEST_CASE("toml: columns are characters, not bytes", "[config][toml]") {
  const toml_result result = parse_toml("\"gr\xC3\xBC\xC3\x9F\" = [\"\xE2\x82\xAC\", 7]\n");
  REQUIRE_FALSE(result.trouble);
  const member& entry = result.root.members.at(0);
  CHECK(show(entry.where) == "1:1+6");
  CHECK(show(entry.value.items.at(0).where) == "1:11+3");
  CHECK(show(entry.value.items.at(1).where) == "1:16+1");
}

TEST_CASE("toml: values are read", "[config][toml]") {
  const toml_result result = parse_toml(
      "t = true\ni = -0x1F\nj = 0x1F\nk = 1_000\nf = 1e3\nd = 1979-05-27 07:32:00Z\nh = 07:32:00\ns = "
      "\"a\\tb\\u00e9\"\nl = 'a\\b'\n"
      "m = \"\"\"\none\ntwo\"\"\"\"\nn = '''x'''\n[[x]]\na = 1\n[[x]]\na = 2\n[x.y]\nb = 3\n");
  CHECK(result.trouble.has_value());  // -0x1F is no TOML
  const toml_result good = parse_toml(
      "t = true\nj = 0x1F\nk = 1_000\nf = 1e3\nd = 1979-05-27 07:32:00Z\nh = 07:32:00\ns = \"a\\tb\\u00e9\"\nl = "
      "'a\\b'\n"
      "m = \"\"\"\none\ntwo\"\"\"\"\nn = '''x'''\n\"\\u0061bc\" = 1\n[[x]]\na = 1\n[[x]]\na = 2\n[x.y]\nb = 3\n");
  REQUIRE_FALSE(good.trouble);
  CHECK(at(good.root, "t").value.flag);
  CHECK(at(good.root, "j").value.number == 31);
  CHECK(at(good.root, "k").value.number == 1000);
  CHECK(at(good.root, "f").value.type == node::kind::floating);
  CHECK(at(good.root, "d").value.type == node::kind::date);
  CHECK(at(good.root, "h").value.type == node::kind::date);
  CHECK(at(good.root, "s").value.text == "a\tb\xC3\xA9");
  CHECK_FALSE(at(good.root, "s").value.verbatim);
  CHECK(at(good.root, "l").value.text == "a\\b");
  CHECK(at(good.root, "l").value.verbatim);
  CHECK(at(good.root, "m").value.text == "one\ntwo\"");
  CHECK(at(good.root, "n").value.text == "x");
  CHECK(at(good.root, "abc").value.number == 1);
  const node& tables = at(good.root, "x").value;
  REQUIRE(tables.items.size() == 2);
  CHECK(at(tables.items[1], "a").value.number == 2);
  CHECK(at(at(tables.items[1], "y").value, "b").value.number == 3);
}

TEST_CASE("toml: keys keep the order of the file", "[config][toml]") {
  const toml_result result = parse_toml("zebra = 1\nape = 2\nmouse = 3\n");
  REQUIRE(result.root.members.size() == 3);
  CHECK(result.root.members[0].key == "zebra");
  CHECK(result.root.members[1].key == "ape");
  CHECK(result.root.members[2].key == "mouse");
}

TEST_CASE("toml: line ends may be those of Windows", "[config][toml]") {
  const toml_result result = parse_toml("a = 1\r\n# note\r\nb = [\r\n 1,\r\n]\r\n");
  REQUIRE_FALSE(result.trouble);
  CHECK(show(at(result.root, "b").where) == "3:1+1");
}

TEST_CASE("toml: nesting is bounded before anything recurses", "[config][toml]") {
  const std::string brackets = "a = " + std::string(100'000, '[');
  CHECK(parse_toml(brackets).trouble->text == "nested too deeply");
  std::string tables = "a = ";
  for (int i = 0; i < 50'000; ++i) tables += "{a=";
  CHECK(parse_toml(tables).trouble->text == "nested too deeply");
  std::string dotted = "a";
  for (int i = 0; i < 50'000; ++i) dotted += ".a";
  CHECK(parse_toml(dotted + " = 1\n").trouble->text == "nested too deeply");
  CHECK(parse_toml('[' + dotted + "]\n").trouble->text == "nested too deeply");
  CHECK_FALSE(parse_toml("a = " + std::string(60, '[') + std::string(60, ']') + "\n").trouble);
}

TEST_CASE("toml: bytes that are no text are found before anything is read", "[config][toml]") {
  const auto [text, where] = GENERATE(table<std::string, std::string>({
      {"a = 1\nb = \"\xFF\"\n", "2:6+1"},
      {"a = 1\nb = '\xC3'\n", "2:6+1"},
      {"# \xC0\xAF\n", "1:3+1"},
      {"# \xED\xA0\x80\n", "1:3+1"},
      {"# \xF4\x90\x80\x80\n", "1:3+1"},
      {"# \xE0\x80\x80\n", "1:3+1"},
      {"# \xC3\xA9\x01\n", "1:4+1"},
      {std::string("a = 1\0", 6), "1:6+1"},
      {"a = 1\rb = 2", "1:6+1"},
      {"a = '\x7F'", "1:6+1"},
  }));
  const toml_result result = parse_toml(text);
  REQUIRE(result.trouble);
  CHECK(show(result.trouble->where) == where);
}

TEST_CASE("toml: escapes are undone in keys and texts alike", "[config][toml]") {
  const toml_result result =
      parse_toml("\"\\u00e9\\U0001F600\\t\" = \"\\u00e9\\U0001F600\\t\"\nb = \"\"\"x\\\n   y\"\"\"\n");
  REQUIRE_FALSE(result.trouble);
  CHECK(result.root.members.at(0).key == "\xC3\xA9\xF0\x9F\x98\x80\t");
  CHECK(result.root.members.at(0).value.text == result.root.members.at(0).key);
  CHECK(result.root.members.at(1).value.text == "xy");
}

TEST_CASE("toml: what is no number, date or escape is refused", "[config][toml]") {
  const std::string value =
      GENERATE("01", "1_", "_1", "1__0", "0x", "-0x1", "0xG", "1.", ".1", "1.e5", "1e", "1.2.3", "+-1", "1979-13-01",
               "1979-01-32", "24:00:00", "07:60:00", "07:32", "07:32:00.", "1979-05-27T07:32:00+25:00", "nanx", "True",
               "10.0.0.1:80", R"("\q")", R"("\u12")", R"("\uD800")", R"("\U00110000")");
  CAPTURE(value);
  const toml_result result = parse_toml("a = 1\nb = " + value + "\n");
  REQUIRE(result.trouble);
  CHECK(result.trouble->where.line == 2);
  CHECK(result.trouble->where.column >= 5);
}

TEST_CASE("toml: every way to write a number or date is taken", "[config][toml]") {
  const std::string value =
      GENERATE("0", "+1", "-17", "1_000", "0xDEAD_beef", "0o755", "0b1101", "3.14", "-0.01", "5e+22", "1e06", "6.6e-34",
               "9_2.1_5", "inf", "-nan", "1979-05-27", "07:32:00", "00:32:00.999999", "1979-05-27T07:32:00",
               "1979-05-27 07:32:00Z", "1979-05-27t00:32:00.5-07:00");
  CAPTURE(value);
  const toml_result result = parse_toml("a = " + value + " # note\n");
  INFO((result.trouble ? result.trouble->text : ""));
  REQUIRE_FALSE(result.trouble);
  CHECK(at(result.root, "a").value.where.width == value.size());
}

TEST_CASE("toml: what only toml11 notices has a place too", "[config][toml]") {
  const toml_result result = parse_toml("a = 1\n[[b]]\nx = 1\n[c]\n[[c]]\n");
  REQUIRE(result.trouble);
  CHECK(result.trouble->where.line == 5);
  const toml_result mixed = parse_toml("[[b]]\nx = 1\n[b]\ny = 1\n");
  REQUIRE(mixed.trouble);
  CHECK(mixed.trouble->where.line == 3);
  CHECK(mixed.trouble->text.find("::") == std::string::npos);
}
