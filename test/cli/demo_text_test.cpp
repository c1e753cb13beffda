#include "cli/demo_text.hpp"

#include "cli/stand_ins.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::cli;
using namespace sluice::cli::testing;

TEST_CASE("demo: the configuration is a file one could write, whatever --listen says", "[cli][demo]") {
  CHECK(demo_configuration("127.0.0.1:8080", {1001, 1002}) ==
        "version = 1\n\n[service.demo]\nlisten = [\"127.0.0.1:8080\"]\n"
        "backends = [\"127.0.0.1:1001\", \"127.0.0.1:1002\"]\n\n[drain]\ntimeout = \"1s\"\n");
  CHECK(demo_configuration("a\"\\\n", {1}).find(R"(listen = ["a\"\\\n"])") != std::string::npos);
}

TEST_CASE("demo: curl is told how to reach every kind of address", "[cli][demo]") {
  CHECK(curl_words({.host = "127.0.0.1", .ports = {80, 80}, .path = {}}, "/") == "'http://127.0.0.1:80/'");
  CHECK(curl_words({.host = "", .ports = {80, 89}, .path = {}}, "/a?b") == "'http://127.0.0.1:80/a?b'");
  CHECK(curl_words({.host = "::1", .ports = {80, 80}, .path = {}}, "/") == "'http://[::1]:80/'");
  CHECK(curl_words({.type = address::kind::unix_path, .host = {}, .ports = {}, .path = "/run/d.sock"}, "/") ==
        "--unix-socket /run/d.sock 'http://localhost/'");
}

TEST_CASE("demo: bytes are written for people", "[cli][demo]") {
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(1023) == "1023 B");
  CHECK(human_bytes(1536) == "1.5 KiB");
  CHECK(human_bytes(10'000'000'000) == "9.3 GiB");
  CHECK(human_bytes(~0ULL) == "16.0 EiB");
}

TEST_CASE("demo: the summary says what moved and how", "[cli][demo]") {
  stats moved;
  moved.accepted = 3;
  moved.closed[static_cast<std::size_t>(close_reason::client_fin)] = 2;
  moved.relay.bytes_spliced = 3 * 1024;
  moved.relay.bytes_copied = 1024;
  const auto text = demo_summary(moved);
  CHECK(text.find("3 (client_fin 2)") != std::string::npos);
  CHECK(text.find("75.0 %") != std::string::npos);
  CHECK(demo_summary({}).find("0 %: 0 B") != std::string::npos);
}

TEST_CASE("demo: it promises a log of sessions only when there is one", "[cli][demo]") {
  config settings = small_config();
  CHECK(demo_introduction(settings, "").find("Every session is logged") != std::string::npos);
  settings.log.level = log_level::error;
  CHECK(demo_introduction(settings, "").find("is logged") == std::string::npos);
  settings.log.level = log_level::info;
  settings.log.access = false;
  CHECK(demo_introduction(settings, "").find("is logged") == std::string::npos);
  CHECK(demo_introduction(settings, "").find("Ctrl-C ends the demo") != std::string::npos);
}
