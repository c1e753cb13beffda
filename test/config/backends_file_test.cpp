#include "config/backends_file.hpp"

#include <filesystem>
#include <string>

#include "config/config_text.hpp"
#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

/// A service that listens on 8080, with a backends_file of this name and text.
struct from_file {
  from_file(const std::string& name, const std::string& text, const std::string& more = "")
      : path(files.write(name, text)),
        result(load_text("[service.web]\nlisten = \"127.0.0.1:8080\"\nbackends_file = '" + path + "'\n" + more)) {}

  /// The messages, the file's directory left out.
  std::string said() const {
    std::string text = messages(result);
    const std::string folder = files.path().string() + '/';
    for (std::size_t at; (at = text.find(folder)) != std::string::npos;) text.erase(at, folder.size());
    return text;
  }
  /// Those of the file, as they are written.
  std::string backends() const {
    std::string text;
    for (const backend_config& one : result.config.services.at(0).backends)
      if (one.from_file) text += (text.empty() ? "" : " ") + to_string(one.target) + '*' + std::to_string(one.weight);
    return text;
  }

  support::temporary_directory files;
  std::string path;
  load_result result;
};

}  // namespace

TEST_CASE("backends_file: a list in JSON or in TOML, with the same texts and tables", "[config][backends_file]") {
  const from_file list("b.json", R"(["10.0.0.1:80", { "address": "web.internal:80", "weight": 3, "resolve": "all" }])");
  INFO(list.said());
  REQUIRE(list.result.diagnostics.empty());
  CHECK(list.backends() == "10.0.0.1:80*1 web.internal:80*3");
  CHECK(list.result.config.services[0].backends[1].resolve == resolve_mode::all);
  const from_file table("b.json", "\xEF\xBB\xBF{ \"backends\": [\"10.0.0.\\u0031:80\"] }\r\n");
  INFO(table.said());
  CHECK(table.backends() == "10.0.0.1:80*1");
  const from_file toml("b.toml", "backends = ['10.0.0.1:80', { address = '10.0.0.2:80', weight = 0 }]");
  INFO(toml.said());
  CHECK(toml.backends() == "10.0.0.1:80*1 10.0.0.2:80*0");
  const from_file sections("b.toml", "[[backends]]\naddress = '10.0.0.1:80'\n[[backends]]\naddress = '10.0.0.2:80'\n");
  CHECK(sections.backends() == "10.0.0.1:80*1 10.0.0.2:80*1");
}

TEST_CASE("backends_file: adds to the backends of the configuration, and may have none", "[config][backends_file]") {
  const from_file both("b.json", R"(["10.0.0.2:80"])", "backends = '10.0.0.1:80'\n");
  REQUIRE(both.result.ok());
  REQUIRE(both.result.config.services[0].backends.size() == 2);
  CHECK_FALSE(both.result.config.services[0].backends[0].from_file);
  CHECK(both.result.config.services[0].backends[1].from_file);
  CHECK(from_file("b.json", "[]").result.diagnostics.empty());
  CHECK(from_file("b.json", R"([{ "address": "10.0.0.2:80", "weight": 0 }])").result.diagnostics.empty());
}

TEST_CASE("backends_file: one that is not there is a warning, whatever else is wrong with it an error",
          "[config][backends_file]") {
  const load_result missing = load_text("[service.web]\nlisten = '8080'\nbackends_file = '/nowhere/b.json'\n");
  CHECK(missing.ok());
  REQUIRE(missing.diagnostics.size() == 1);
  CHECK(missing.diagnostics[0].code == "backends-file");
  CHECK(to_string(missing.diagnostics[0].where) == "SLUICE_CONFIG:3:17");
  from_file folder("b.json", "");
  std::filesystem::create_directory(folder.files.path() / "d.json");
  CHECK_FALSE(load_text("[service.web]\nlisten = '8080'\nbackends_file = '" + (folder.files / "d.json") + "'\n").ok());
  CHECK_FALSE(load_text("[service.web]\nlisten = '8080'\nbackends_file = '/dev/zero.json'\nbackends_file = 5\n").ok());
}

TEST_CASE("backends_file: mistakes are shown where they are", "[config][backends_file]") {
  CHECK(from_file("b.json", "[\"10.0.0.1:80\",\n {\"address\": \"10.0.0.2:80\", \"wieght\": 2},\n \"10.0.0.3\"]\n")
            .said() == R"(b.json:2:29: error[unknown-key]: `wieght` is no key of sluice
   {"address": "10.0.0.2:80", "wieght": 2},
                              ^^^^^^^^
  hint: did you mean `weight`?
b.json:3:2: error[bad-address]: "10.0.0.3" has no port
   "10.0.0.3"]
   ^^^^^^^^^^
  hint: write HOST:PORT, such as 10.0.0.5:80
)");
  CHECK(from_file("b.json", "[\"10.0.0.1:80\",\n \"10.0.0.2:80\",]\n").said() ==
        "b.json:2:16: error[syntax]: this is not JSON: syntax error\n   \"10.0.0.2:80\",]\n                 ^\n");
  CHECK(from_file("b.json", "[\"10.0.0.1:80\"").said().starts_with("b.json:1:15: error[syntax]: this is not JSON: "));
  CHECK(from_file("b.json", " \n").said().starts_with("b.json:2:1: error[syntax]: this is not JSON: it is empty"));
  CHECK(from_file("b.json", "[null, 5]").said().find("b.json:1:2: error[bad-type]") == 0);
  CHECK(from_file("b.json", "{\"backends\": [], \"backends\": []}").said().starts_with("b.json:1:18: error[syntax]"));
  CHECK(from_file("b.json", "{}").said().starts_with("b.json:1:1: error[no-backends]"));
  CHECK(from_file("b.json", "\"10.0.0.1:80\"").said().starts_with("b.json:1:1: error[no-backends]"));
  CHECK(from_file("b.json", "[\"127.0.0.1:8080\"]").said().starts_with("b.json:1:2: error[loop]"));
  CHECK(from_file("b.toml", "").said().starts_with("b.toml:1:1: error[no-backends]"));
  CHECK(from_file("b.toml", "backends = [\n").said().starts_with("b.toml:"));
}

TEST_CASE("backends_file: a new text is checked as the first was", "[config][backends_file]") {
  const from_file first("b.json", R"(["10.0.0.1:80"])", "backends = '10.0.0.9:80'\n");
  REQUIRE(first.result.ok());
  const auto read = [&](const std::string& text) { return conf::load_backends(first.result.config, 0, text); };
  const conf::backends_result good = read(R"(["10.0.0.2:80", "10.0.0.3:80"])");
  REQUIRE(good.ok());
  REQUIRE(good.backends.size() == 2);
  CHECK(to_string(good.backends[0].target) == "10.0.0.2:80");
  CHECK(good.backends[0].from_file);
  CHECK(read("[]").ok());
  for (const std::string text : {"", "[", "[5]", "[\"10.0.0.1\"]", "[\"127.0.0.1:8080\"]", "[\"10.0.0.1:80-81\"]"}) {
    const conf::backends_result bad = read(text);
    CAPTURE(text);
    REQUIRE_FALSE(bad.ok());
    CHECK(bad.diagnostics[0].where.source == first.path);
    CHECK(bad.diagnostics[0].where.line == 1);
  }
}

TEST_CASE("backends_file: a new text with an address of this machine is a loop, too", "[config][backends_file]") {
  const load_result first = load_text("[service.web]\nlisten = '8080'\nbackends_file = '/nowhere/b.json'\n");
  REQUIRE(first.ok());
  const auto read = [&](const std::string& text) {
    return conf::load_backends(first.config, 0, text, [](const std::string& literal) { return literal == "10.0.0.1"; });
  };
  CHECK(read(R"(["10.0.0.1:80", "10.0.0.2:8080"])").ok());
  const conf::backends_result bad = read(R"(["10.0.0.2:8080", "10.0.0.1:8080"])");
  REQUIRE_FALSE(bad.ok());
  CHECK(bad.diagnostics[0].code == "loop");
  CHECK(bad.diagnostics[0].where.column == 19);
}

TEST_CASE("backends_file: config show gives the file, not what is in it", "[config][backends_file]") {
  const from_file here("b.json", R"(["10.0.0.1:80"])");
  config_sources sources;
  sources.environment = {{"SLUICE_CONFIG", "[service.web]\nlisten = '8080'\nbackends_file = '" + here.path + "'\n"}};
  const std::string shown = show_config(sources, true);
  CHECK(shown.find("backends_file = \"" + here.path + "\"  # SLUICE_CONFIG:3:17\n") != std::string::npos);
  CHECK(shown.find("10.0.0.1") == std::string::npos);
}
