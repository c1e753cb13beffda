#include <algorithm>

#include "config_text.hpp"

#include "config/toml_tokens.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

/// A text with one mistake. What the caret must cover stands between « and ».
struct mistake {
  std::string text;
  std::string code;
  std::string hint;
};

struct expected {
  std::string text;
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  std::uint32_t width = 1;
};

expected place_of(const std::string& marked) {
  const std::string open = "\xC2\xAB";
  const std::string close = "\xC2\xBB";
  const std::size_t begin = marked.find(open);
  const std::size_t end = marked.find(close);
  const std::string before = marked.substr(0, begin);
  const std::string inside = marked.substr(begin + open.size(), end - begin - open.size());
  expected result;
  result.text = before + inside + marked.substr(end + close.size());
  result.line = static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n')) + 1;
  result.column = conf::count_characters(std::string_view(before).substr(before.rfind('\n') + 1)) + 1;
  result.width = conf::count_characters(inside.substr(0, inside.find('\n')));
  return result;
}

void check_mistake(const mistake& entry) {
  const expected wanted = place_of(entry.text);
  const load_result result = load_text(wanted.text);
  INFO(wanted.text << "\n" << messages(result));
  REQUIRE(result.diagnostics.size() == 1);
  const diagnostic& found = result.diagnostics[0];
  CHECK(found.code == entry.code);
  CHECK(found.where.line == wanted.line);
  CHECK(found.where.column == wanted.column);
  CHECK(found.width == wanted.width);
  CHECK(found.hint.find(entry.hint) != std::string::npos);
}

const std::string fine = "forward.8080 = \"10.0.0.5:80\"\n";
const std::string web = fine + "[service.web]\nlisten = \"443\"\nbackends = [\"b:1\"]\n";

}  // namespace

TEST_CASE("mistakes: misspelt keys get the right one suggested", "[config][mistakes]") {
  const mistake entry = GENERATE(values<mistake>({
      {fine + "«vresion» = 1", "unknown-key", "did you mean `version`?"},
      {fine + "[«defualts»]\nbacklog = 1", "unknown-key", "did you mean `defaults`?"},
      {fine + "[«servce».web]\nlisten = \"443\"", "unknown-key", "did you mean `service`?"},
      {"«foward».8080 = \"10.0.0.5:80\"\n[service.web]\nlisten = \"443\"\nbackends = [\"b:1\"]", "unknown-key",
       "did you mean `forward`?"},
      {fine + "[defaults.timeouts]\n«idel» = \"5s\"", "unknown-key", "did you mean `idle`?"},
      {fine + "[defaults]\n«timeout».idle = \"5s\"", "unknown-key", "did you mean `timeouts`?"},
      {fine + "[defaults]\ntimeouts = { idle = \"5s\", «conect» = \"1s\" }", "unknown-key", "did you mean `connect`?"},
      {fine + "[log]\n«levle» = \"info\"", "unknown-key", "did you mean `level`?"},
      {fine + "[limits]\n«worker» = 3", "unknown-key", "did you mean `workers`?"},
      {fine + "[drain]\n«timout» = \"3s\"", "unknown-key", "did you mean `timeout`?"},
      {fine + "[dns]\n«server» = [\"127.0.0.1\"]", "unknown-key", "did you mean `servers`?"},
      {web + "«balanse» = \"round-robin\"", "unknown-key", "did you mean `balance`?"},
      {web + "«max_connection» = 5", "unknown-key", "did you mean `max_connections`?"},
      {web + "«bind» = 5", "unknown-key", "did you mean `listen`?"},
      {web + "«upstreams» = 5", "unknown-key", "did you mean `backends`?"},
      {web + "«idle» = \"5s\"", "unknown-key", "did you mean `timeouts.idle`?"},
      {fine + "«level» = \"info\"", "unknown-key", "did you mean `log.level`?"},
      {fine + "[defaults]\n«zzzzzz» = 1", "unknown-key", "known here: timeouts, relay"},
      {fine + "[service.web]\nlisten = { address = \"unix:/a\", «mod» = \"0660\" }\nbackends = [\"b:1\"]",
       "unknown-key", "did you mean `mode`?"},
      {fine + "[service.web]\nlisten = \"443\"\nbackends = [\n  { address = \"b:1\", «wieght» = 2 },\n]", "unknown-key",
       "did you mean `weight`?"},
  }));
  check_mistake(entry);
}

TEST_CASE("mistakes: values are pointed at", "[config][mistakes]") {
  const mistake entry = GENERATE(values<mistake>({
      {"version = «2»\n" + fine, "bad-value", "version = 1"},
      {"version = «\"1\"»\n" + fine, "bad-type", "version = 1"},
      {fine + "[log]\nlevel = «\"debgu\"»", "bad-value", "did you mean \"debug\"?"},
      {fine + "[log]\nformat = «\"xml\"»", "bad-value", "allowed: \"auto\", \"text\", \"json\""},
      {fine + "[log]\naccess = «\"yes\"»", "bad-type", "without quotes"},
      {fine + "[log]\noutput = «\"\"»", "bad-value", ""},
      {fine + "[log]\nlevel = «5»", "bad-type", "in quotes"},
      {fine + "log = «\"info\"»", "bad-type", "its keys: level"},
      {fine + "[defaults]\nbalance = «\"leastconn\"»", "bad-value", "allowed: \"round-robin\""},
      {fine + "[defaults]\nrelay = «\"spilce\"»", "bad-value", "did you mean \"splice\"?"},
      {fine + "[defaults]\nbacklog = «0»", "bad-value", "from 1"},
      {fine + "[defaults]\nbacklog = «-5»", "bad-value", "from 1"},
      {fine + "[defaults]\nbacklog = «\"many\"»", "bad-type", "without quotes"},
      {fine + "[defaults]\nmax_connections = «4294967296»", "bad-value", "4294967295"},
      {fine + "[defaults]\nmax_connections = «1.5»", "bad-type", ""},
      {fine + "[defaults.timeouts]\nidle = «5»", "bad-duration", "write \"5s\""},
      {fine + "[defaults.timeouts]\nidle = «\"5\"»", "bad-duration", "write \"5s\""},
      {fine + "[defaults.timeouts]\nconnect = «\"0s\"»", "bad-duration", "from 1ms"},
      {fine + "[defaults.timeouts]\nconnect = «\"5 sec\"»", "bad-duration", "the units are"},
      {fine + "[defaults.timeouts]\nconnect = «true»", "bad-type", "such as"},
      {fine + "[defaults.timeouts]\nconnect = «1979-05-27»", "bad-type", "such as"},
      {fine + "[defaults.client]\nkeepalive = «\"1500ms\"»", "bad-duration", "60s"},
      {fine + "[defaults.client]\nbuffer_limit = «65536»", "bad-size", "write \"65536B\""},
      {fine + "[defaults.client]\nbuffer_limit = «\"64K\"»", "bad-size", "write \"64KiB\""},
      {fine + "[defaults.client]\nnodelay = «1»", "bad-type", ""},
      {fine + "[limits]\nworkers = «\"all\"»", "bad-value", "\"auto\""},
      {fine + "[limits]\nworkers = «0»", "bad-value", "\"auto\""},
      {fine + "[dns]\nservers = [\"127.0.0.1\", «\"dns\"»]", "bad-address", ""},
      {fine + "[dns]\nservers = «\"127.0.0.1\"»", "bad-type", "in [ ]"},
      {fine + "[log]\noutput = \"/var/«${NOWHERE}»/log\"", "undefined-variable", "${NOWHERE:-text}"},
      {fine + "[log]\noutput = \"/vär/«${NOWHERE»\"", "bad-variable", "${NAME}"},
      {fine + "[log]\noutput = «\"\\t${NOWHERE}\"»", "undefined-variable", ""},
      {"[forward]\n\"${PORT:-8080}\" = \"b:1\"\n\"«${NOPORT}»80\" = \"b:1\"", "undefined-variable", ""},
  }));
  check_mistake(entry);
}

TEST_CASE("mistakes: mappings and services", "[config][mistakes]") {
  const mistake entry = GENERATE(values<mistake>({
      {"[forward]\n«\"80a\"» = \"10.0.0.5:80\"", "bad-address", "127.0.0.1:8080"},
      {"[forward]\n8080 = «\"10.0.0.5\"»", "bad-address", "HOST:PORT"},
      {"[forward]\n8080 = «80»", "bad-type", "in quotes"},
      {"[forward]\n8080 = «[\"b:1\", \"c:1\"]»", "bad-type", "[service.NAME]"},
      {"[forward]\n\"9000-9009\" = «\"b:9000-9008\"»", "range-length", "same length"},
      {"[forward]\n\"8080\" = \"b:1\"\n«\"127.0.0.1:8080\"» = \"b:2\"", "address-conflict", ""},
      {"[forward]\n\"8080\" = «\"localhost:8080\"»", "loop", ""},
      {"forward = «\"8080=b:1\"»", "bad-type", "[forward]"},
      {"service = «3»", "bad-type", "[service.NAME]"},
      {"[service]\nweb = «\"b:1\"»", "bad-type", "[service.web]"},
      {"[service.«web»]\nbackends = [\"b:1\"]", "no-listeners", "listen"},
      {"[service.«web»]\nlisten = \"80\"", "no-backends", "backends"},
      {"[service.web]\nlisten = «[]»\nbackends = [\"b:1\"]", "no-listeners", ""},
      {"[service.web]\nlisten = \"80\"\nbackends = «[]»", "no-backends", ""},
      {"[service.web]\nlisten = «80»\nbackends = [\"b:1\"]", "bad-type", ""},
      {"[service.web]\nlisten = [\"80\", «81»]\nbackends = [\"b:1\"]", "bad-type", "10.0.0.5:80"},
      {"[service.web]\nlisten = \"80\"\nbackends = [«{ weight = 2 }»]", "bad-type", ""},
      {"[service.web]\nlisten = \"80\"\nbackends = [{ address = «5» }]", "bad-type", "in quotes"},
      {"[service.web]\nlisten = \"80\"\nbackends = [{ address = «\"b\"» }]", "bad-address", "HOST:PORT"},
      {"[service.web]\nlisten = \"80\"\nbackends = [{ address = \"b:1\", weight = «-1» }]", "bad-value", "65535"},
      {"[service.web]\nlisten = \"80\"\nbackends = «[{ address = \"b:1\", weight = 0 }]»", "zero-weights", ""},
      {"[service.web]\nlisten = \"80\"\nbackend = «[\"b:1\"]»\nbackends = [\"b:1\"]", "bad-type",
       "did you mean `backends`?"},
      {"[service.web]\nlisten = { address = \"80\", «mode» = \"0660\" }\nbackends = [\"b:1\"]", "bad-value", ""},
      {"[service.web]\nlisten = { address = \"unix:/a\", mode = «\"rw\"» }\nbackends = [\"b:1\"]", "bad-value",
       "\"0660\""},
      {"[service.web]\nlisten = { address = \"unix:/a\", mode = «0o660» }\nbackends = [\"b:1\"]", "bad-type",
       "\"0660\""},
      {"[service.web]\nlisten = { address = \"unix:/a\", owner = «\"a:b:c\"» }\nbackends = [\"b:1\"]", "bad-value",
       "user:group"},
      {"[service.«\"\"»]\nlisten = \"80\"\nbackends = [\"b:1\"]", "bad-value", ""},
  }));
  check_mistake(entry);
}

TEST_CASE("mistakes: what is no TOML stops at the first, where it is", "[config][mistakes]") {
  const mistake entry = GENERATE(values<mistake>({
      {fine + "[log]\nlevel = «debug»\nbad", "syntax", "\"debug\""},
      {fine + "[defaults.timeouts]\nidle = «5s»", "syntax", "\"5s\""},
      {"[forward]\n8080 = «10.0.0.5:80»", "syntax", "\"10.0.0.5:80\""},
      {"[forward]\n8080 = «\"10.0.0.5:80»\n", "syntax", "is missing"},
      {"[forward]\n8080 = «'10.0.0.5:80»\n9000 = 'x'", "syntax", "is missing"},
      {"[forward]\n8080 «\"»b:1\"", "syntax", "key = value"},
      {"[forward]\n8080 = \"b:1\" «\"c:1\"»", "syntax", ""},
      {"[forward]\n«8080» =\n", "syntax", ""},
      {"«[forward»\n8080 = \"b:1\"", "syntax", ""},
      {"[forward]\n8080 = \"b:1\"\n«8080» = \"b:2\"", "syntax", "keep one"},
      {"[log]\nlevel = \"info\"\n[drain]\n[«log»]\n", "syntax", "keep one"},
      {"[service.web]\nbackends = «[»\"b:1\",\n\"b:2\"\n", "syntax", "is missing"},
      {"[service.web]\nbackends = [\"b:1\" «\"»b:2\"]", "syntax", ""},
      {"[defaults]\ntimeouts = «{ idle = \"5s\",»\n}", "syntax", "one line"},
      {"[defaults]\ntimeouts = { idle = \"5s\"«,» }", "syntax", ""},
      {"[log]\noutput = \"C:«\\l»og\"", "syntax", "single quotes"},
      {"«=» 1", "syntax", "in quotes"},
      {"«;» note\n", "syntax", "begins with #"},
      {"«/»/ note\n", "syntax", "begins with #"},
      {"[forward]\n127.0.0.1«:»80 = \"b:1\"", "syntax", "\"127.0.0.1:80\" = ..."},
      {"[forward]\nunix«:»/run/a.sock = \"b:1\"", "syntax", "\"unix:/run/a.sock\" = ..."},
      {"version«:» 1", "syntax", "with `=` for `:`"},
      {fine + "[log]\naccess = «yes»", "syntax", "write true"},
      {fine + "[log]\naccess = «FALSE»", "syntax", "write false"},
      {fine + "[log]\noutput = «\xE2\x80\x9Cx\xE2\x80\x9D»", "syntax", "plain ones"},
      {fine + "[log]\n«\xC2\xA0»level = \"info\"", "syntax", "plain blank"},
      {fine + "[log]\nlevel«\xC2\xA0»= \"info\"", "syntax", "plain blank"},
      {fine + "[log]\nlevel = \"info\"«\xC2\xA0»# note", "syntax", "plain blank"},
      {"[service.web]\nbackends = «[»\n\"b:1\"\nlisten = \"80\"\n", "syntax", "is missing"},
      {"[service.web]\nbackends = «[»\n\"b:1\",\nlisten = \"80\"\n", "syntax", "is missing"},
      {"[service.web]\nbackends = «[»\n\"b:1\",\n[[x]]\n", "syntax", "is missing"},
  }));
  check_mistake(entry);
}

TEST_CASE("mistakes: several are told at once, in the order of the file", "[config][mistakes]") {
  const load_result result = load_text(
      "version = 1\n[forward]\n\"8080\" = \"10.0.0.5\"\n[defaults.timeouts]\nidle = \"1hour\"\n[log]\nlevl = "
      "\"info\"\nformat = \"jsn\"\n");
  CHECK(messages(result) ==
        "SLUICE_CONFIG:3:10: error[bad-address]: \"10.0.0.5\" has no port\n"
        "  \"8080\" = \"10.0.0.5\"\n"
        "           ^^^^^^^^^^\n"
        "  hint: write HOST:PORT, such as 10.0.0.5:80\n"
        "SLUICE_CONFIG:5:8: error[bad-duration]: \"1hour\" has no known unit: \"hour\"\n"
        "  idle = \"1hour\"\n"
        "         ^^^^^^^\n"
        "  hint: write \"1h\"; the units are ms, s, m, h and d; numbers are whole\n"
        "SLUICE_CONFIG:7:1: error[unknown-key]: `log.levl` is no key of sluice\n"
        "  levl = \"info\"\n"
        "  ^^^^\n"
        "  hint: did you mean `level`?\n"
        "SLUICE_CONFIG:8:10: error[bad-value]: \"jsn\" is not known here\n"
        "  format = \"jsn\"\n"
        "           ^^^^^\n"
        "  hint: did you mean \"json\"? allowed: \"auto\", \"text\", \"json\"\n");
}

TEST_CASE("mistakes: a mapping outside of a file is shown with its number and column", "[config][mistakes]") {
  config_sources sources;
  sources.forwards = {"1=a:1", "2=b:2", "3=", "4=d:4"};
  CHECK(messages(load_config(sources)) ==
        "command line:3:3: error[bad-address]: the address is empty\n"
        "  3=\n"
        "    ^\n"
        "  hint: write HOST:PORT, such as 10.0.0.5:80, or unix:/run/app.sock\n");
  sources.forwards = {"=a:1", "8080"};
  sources.environment = {{"SLUICE_FORWARD", "1=a:1,, 2=b\xC3\xBC:70000 "}};
  const load_result result = load_config(sources);
  REQUIRE(result.diagnostics.size() == 3);
  CHECK(to_string(result.diagnostics[0].where) == "SLUICE_FORWARD:3:3");
  CHECK(result.diagnostics[0].source_line == "2=b\xC3\xBC:70000");
  CHECK(result.diagnostics[0].width == 8);
  CHECK(to_string(result.diagnostics[1].where) == "command line:1:1");
  CHECK(to_string(result.diagnostics[2].where) == "command line:2:1");
  CHECK(result.diagnostics[2].width == 4);
}
