#include <filesystem>

#include "config_text.hpp"

#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

/// The codes of a [forward] table with these lines.
std::string codes_of(const std::string& lines) {
  std::string codes;
  for (const diagnostic& entry : load_text("[forward]\n" + lines).diagnostics)
    codes += (codes.empty() ? "" : " ") + entry.code;
  return codes;
}

}  // namespace

TEST_CASE("check: two listeners that want one address", "[config][check]") {
  const std::string lines = GENERATE(
      "\"127.0.0.1:80\" = \"b:1\"\n\"127.0.0.1:80-81\" = \"b:1\"", "\"80\" = \"b:1\"\n\"0.0.0.0:80\" = \"b:1\"",
      "\"80\" = \"b:1\"\n\"[::]:80\" = \"b:1\"", "\"80\" = \"b:1\"\n\"127.0.0.1:80\" = \"b:1\"",
      "\"[::1]:80\" = \"b:1\"\n\"80\" = \"b:1\"", "\"0.0.0.0:80\" = \"b:1\"\n\"127.0.0.1:80\" = \"b:1\"",
      "\"[::]:80\" = \"b:1\"\n\"[::1]:80\" = \"b:1\"", "\"1-100\" = \"b:1\"\n\"100-200\" = \"b:1\"",
      "\"1-100\" = \"b:1\"\n\"50\" = \"b:1\"", "\"127.0.0.1:80\" = \"b:1\"\n\"[::ffff:127.0.0.1]:80\" = \"b:1\"",
      "\"[::1]:80\" = \"b:1\"\n\"[0:0::1]:80\" = \"b:1\"", "\"8080\" = \"b:1\"\n\":8080\" = \"b:1\"");
  CAPTURE(lines);
  CHECK(codes_of(lines) == "address-conflict");
}

TEST_CASE("check: listeners that can live together", "[config][check]") {
  const std::string lines =
      GENERATE("\"127.0.0.1:80\" = \"b:1\"\n\"127.0.0.2:80\" = \"b:1\"",
               "\"0.0.0.0:80\" = \"b:1\"\n\"[::]:80\" = \"b:1\"", "\"0.0.0.0:80\" = \"b:1\"\n\"[::1]:80\" = \"b:1\"",
               "\"80\" = \"b:1\"\n\"81\" = \"b:1\"", "\"1-100\" = \"b:1\"\n\"101-200\" = \"b:1\"",
               "\"127.0.0.1:0\" = \"b:1\"\n\"0\" = \"b:1\"", "\"unix:/a\" = \"b:1\"\n\"unix:@/a\" = \"b:1\"");
  CAPTURE(lines);
  CHECK(codes_of(lines).empty());
}

TEST_CASE("check: a conflict names both places", "[config][check]") {
  const load_result result = load_text(
      "[service.web]\nlisten = [\"443\", \"unix:/run/a\"]\nbackends = [\"b:1\"]\n"
      "[service.api]\nlisten = [\"unix:/run/a\", \"127.0.0.1:443\"]\nbackends = [\"b:2\"]\n");
  CHECK(messages(result) ==
        "SLUICE_CONFIG:5:11: error[address-conflict]: unix:/run/a is used twice\n"
        "  listen = [\"unix:/run/a\", \"127.0.0.1:443\"]\n"
        "            ^^^^^^^^^^^^^\n"
        "  SLUICE_CONFIG:2:18: note: first used here, by `web`\n"
        "  hint: each address can have one listener\n"
        "SLUICE_CONFIG:5:26: error[address-conflict]: 127.0.0.1:443 and 443 want the same port\n"
        "  listen = [\"unix:/run/a\", \"127.0.0.1:443\"]\n"
        "                           ^^^^^^^^^^^^^^^\n"
        "  SLUICE_CONFIG:2:11: note: first used here, by `web`\n"
        "  hint: a listener on every address leaves no room for one on the same port\n");
}

TEST_CASE("check: one socket file is one address, however its path is written", "[config][check]") {
  CHECK(codes_of("\"unix:/tmp/x\" = \"b:1\"\n\"unix:/tmp//x\" = \"b:1\"") == "address-conflict");
  CHECK(codes_of("\"unix:a\" = \"b:1\"\n\"unix:b\" = \"b:1\"\n\"unix:./c/../a\" = \"b:1\"") == "address-conflict");
  const std::string here = std::filesystem::current_path().string();
  CHECK(codes_of("\"unix:a\" = \"b:1\"\n\"unix:" + here + "/a\" = \"b:1\"") == "address-conflict");
  CHECK(codes_of("\"unix:./a\" = \"unix:a\"") == "loop");
  CHECK(codes_of("\"unix:/u/x1\" = \"unix:/u/../u/x1\"") == "loop");
  CHECK(codes_of("\"unix:@/u/x\" = \"unix:@/u//x\"").empty());
  CHECK(messages(load_text("[forward]\n\"unix:/tmp/x\" = \"b:1\"\n\"unix:/tmp//x\" = \"b:1\"")) ==
        "SLUICE_CONFIG:3:1: error[address-conflict]: unix:/tmp//x and unix:/tmp/x are the same socket file\n"
        "  \"unix:/tmp//x\" = \"b:1\"\n"
        "  ^^^^^^^^^^^^^^\n"
        "  SLUICE_CONFIG:2:1: note: first used here, by `unix:/tmp/x`\n"
        "  hint: each address can have one listener\n");
}

TEST_CASE("check: a conflict between file and command line", "[config][check]") {
  config_sources sources;
  sources.environment = {{"SLUICE_CONFIG", "forward.8080 = \"b:1\""}, {"SLUICE_FORWARD", "8081=b:1"}};
  sources.forwards = {"8080=b:2", "8081=b:2"};
  CHECK(messages(load_config(sources)) ==
        "command line:1:1: error[address-conflict]: 8080 is used twice\n"
        "  8080=b:2\n"
        "  ^^^^\n"
        "  SLUICE_CONFIG:1:9: note: first used here, by `8080`\n"
        "  hint: each address can have one listener\n"
        "command line:2:1: error[address-conflict]: 8081 is used twice\n"
        "  8081=b:2\n"
        "  ^^^^\n"
        "  SLUICE_FORWARD:1:1: note: first used here, by `8081`\n"
        "  hint: each address can have one listener\n");
}

TEST_CASE("check: a backend that is its own listener is a loop", "[config][check]") {
  const std::string lines = GENERATE(
      "\"8080\" = \"127.0.0.1:8080\"", "\"8080\" = \"127.9.9.9:8080\"", "\"8080\" = \"[::1]:8080\"",
      "\"8080\" = \"localhost:8080\"", "\"127.0.0.1:8080\" = \"127.0.0.1:8080\"",
      "\"127.0.0.1:8080\" = \"localhost:8080\"", "\"127.0.0.1:8080\" = \"0.0.0.0:8080\"",
      "\"0.0.0.0:8080\" = \"0.0.0.0:8080\"", "\"[::]:8080\" = \"[::]:8080\"", "\"10.0.0.1:8080\" = \"10.0.0.1:8080\"",
      "\"8000-8100\" = \"127.0.0.1:8050\"", "\"8000-8100\" = \"127.0.0.1:8000-8100\"", "\"unix:/a\" = \"unix:/a\"",
      "\"unix:@a\" = \"unix:@a\"", "\"80\" = \"127.0.0.1:81\"\n\"9000\" = \"b:1\"\n\"81\" = \"127.0.0.1:81\"");
  CAPTURE(lines);
  CHECK(codes_of(lines) == "loop");
}

TEST_CASE("check: behind a listener on every address this machine's own ones are a loop", "[config][check]") {
  const auto codes = [](const std::string& lines, bool told) {
    config_sources sources;
    sources.environment = {{"SLUICE_CONFIG", "[forward]\n" + lines + "\n"}};
    if (told)
      sources.is_own = [](const std::string& literal) {
        return literal == "10.0.0.1" || literal == "2001:db8::1" || literal == "fe80::1%eth0";
      };
    std::string text;
    for (const diagnostic& entry : load_config(sources).diagnostics) text += entry.code + ' ';
    return text;
  };
  const std::string loop = GENERATE("\"8080\" = \"10.0.0.1:8080\"", "\"0.0.0.0:8080\" = \"10.0.0.1:8080\"",
                                    "\"8080\" = \"[::ffff:10.0.0.1]:8080\"", "\"[::]:8080\" = \"[2001:DB8::1]:8080\"",
                                    "\"8080\" = \"[fe80::1%eth0]:8080\"",
                                    "\"80\" = \"10.0.0.1:81\"\n\"81\" = \"b:1\"\n\"82\" = \"10.0.0.1:82\"");
  CAPTURE(loop);
  CHECK(codes(loop, true) == "loop ");
  CHECK(codes(loop, false).empty());
  const std::string fine =
      GENERATE("\"8080\" = \"10.0.0.1:8081\"", "\"8080\" = \"10.0.0.2:8080\"", "\"[::]:8080\" = \"10.0.0.1:8080\"",
               "\"127.0.0.1:8080\" = \"10.0.0.1:8080\"", "\"0.0.0.0:8080\" = \"[2001:db8::1]:8080\"",
               "\"8080\" = \"[fe80::1%eth1]:8080\"", "\"unix:/a\" = \"10.0.0.1:8080\"");
  CAPTURE(fine);
  CHECK(codes(fine, true).empty());
}

TEST_CASE("check: a loop by an own address says how that is known", "[config][check]") {
  config_sources sources;
  sources.environment = {{"SLUICE_CONFIG", "forward.8080 = \"10.0.0.1:8080\""}};
  sources.is_own = [](const std::string& literal) { return literal == "10.0.0.1"; };
  CHECK(messages(load_config(sources)) ==
        "SLUICE_CONFIG:1:16: error[loop]: 10.0.0.1:8080 is sluice itself: sessions would go round for ever\n"
        "  forward.8080 = \"10.0.0.1:8080\"\n"
        "                 ^^^^^^^^^^^^^^^\n"
        "  SLUICE_CONFIG:1:9: note: the listener it comes back to, of `8080`\n"
        "  hint: 10.0.0.1 is an address of this machine: name another one, or another port\n");
}

TEST_CASE("check: what is no proof of a loop passes", "[config][check]") {
  const std::string lines =
      GENERATE("\"127.0.0.1:8080\" = \"127.0.0.2:8080\"", "\"8080\" = \"10.0.0.1:8080\"",
               "\"10.0.0.1:8080\" = \"127.0.0.1:8080\"", "\"[::1]:8080\" = \"127.0.0.1:8080\"",
               "\"0.0.0.0:8080\" = \"[::1]:8080\"", "\"8080\" = \"db.internal:8080\"", "\"8080\" = \"127.0.0.1:8081\"",
               "\"unix:/a\" = \"unix:@/a\"", "\"80\" = \"127.0.0.1:81\"\n\"81\" = \"b:1\"");
  CAPTURE(lines);
  CHECK(codes_of(lines).empty());
}

TEST_CASE("check: a loop over two services is found, with both places", "[config][check]") {
  const load_result result = load_text("[forward]\n\"80\" = \"127.0.0.1:81\"\n\"81\" = \"127.0.0.1:80\"\n");
  CHECK(messages(result) ==
        "SLUICE_CONFIG:2:8: error[loop]: 127.0.0.1:81 is sluice itself: sessions would go round for ever\n"
        "  \"80\" = \"127.0.0.1:81\"\n"
        "         ^^^^^^^^^^^^^^\n"
        "  SLUICE_CONFIG:3:1: note: the listener it comes back to, of `81`\n"
        "  hint: name another address or port\n"
        "SLUICE_CONFIG:3:8: error[loop]: 127.0.0.1:80 is sluice itself: sessions would go round for ever\n"
        "  \"81\" = \"127.0.0.1:80\"\n"
        "         ^^^^^^^^^^^^^^\n"
        "  SLUICE_CONFIG:2:1: note: the listener it comes back to, of `80`\n"
        "  hint: name another address or port\n");
}

TEST_CASE("check: ranges have the same length on both sides, or one target port", "[config][check]") {
  CHECK(codes_of("\"9000-9099\" = \"b:9000-9099\"").empty());
  CHECK(codes_of("\"9000-9099\" = \"b:80\"").empty());
  CHECK(codes_of("\"9000-9099\" = \"unix:/a\"").empty());
  CHECK(codes_of("\"9000-9099\" = \"b:9000-9098\"") == "range-length");
  CHECK(codes_of("\"9000\" = \"b:9000-9098\"") == "range-length");
  CHECK(codes_of("\"unix:/a\" = \"b:9000-9098\"") == "range-length");
  CHECK(messages(load_text("[service.a]\nlisten = [\"1-3\", \"10-12\", \"20-21\"]\nbackends = [\"b:5-7\"]")) ==
        "SLUICE_CONFIG:3:13: error[range-length]: b:5-7 has 3 ports, 20-21 has 2 ports\n"
        "  backends = [\"b:5-7\"]\n"
        "              ^^^^^^^\n"
        "  SLUICE_CONFIG:2:27: note: the listener\n"
        "  hint: both ranges need the same length, or the target a single port\n");
}

TEST_CASE("check: weights must not all be zero", "[config][check]") {
  const std::string head = "[service.a]\nlisten = \"1\"\n";
  CHECK(load_text(head + "backends = [{ address = \"b:1\", weight = 0 }, \"c:1\"]").ok());
  const load_result result = load_text(head + "backends = [{ address = \"b:1\", weight = 0 }]");
  REQUIRE(result.diagnostics.size() == 1);
  CHECK(result.diagnostics[0].code == "zero-weights");
  CHECK(to_string(result.diagnostics[0].where) == "SLUICE_CONFIG:3:12");
  REQUIRE(result.diagnostics[0].related.size() == 1);
}

TEST_CASE("check: a service can't take the name of a mapping", "[config][check]") {
  const load_result result =
      load_text("[forward]\n8080 = \"b:1\"\n[service.8080]\nlisten = \"81\"\nbackends = [\"b:1\"]");
  REQUIRE(result.diagnostics.size() == 1);
  CHECK(result.diagnostics[0].code == "duplicate-name");
  CHECK(to_string(result.diagnostics[0].where) == "SLUICE_CONFIG:3:10");
  CHECK(to_string(result.diagnostics[0].related.at(0).first) == "SLUICE_CONFIG:2:1");
}
