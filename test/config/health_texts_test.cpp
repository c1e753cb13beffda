#include "config/health_texts.hpp"

#include "support/catch.hpp"

using namespace sluice::conf;

TEST_CASE("health texts: status codes, hexadecimal, expressions, addresses and paths", "[config][health]") {
  CHECK(!status_trouble("200-399"));
  CHECK(!status_trouble("200,301-302"));
  CHECK(status_trouble("2xx")->text == R"("2xx" is no range of status codes)");
  CHECK(!hex_trouble(""));
  CHECK(!hex_trouble("50494e47 0D0a"));
  CHECK(hex_trouble("0x50"));
  CHECK(hex_trouble("5 0"));
  CHECK(!regex_trouble("^(\\+PONG|-NOAUTH)"));
  CHECK(regex_trouble("(ready")->hint == "Unmatched marking parenthesis ( or \\(");
  CHECK(!ip_trouble(""));
  CHECK(!ip_trouble("fe80::1"));
  CHECK(ip_trouble("db.internal"));
  CHECK(!path_trouble("/up?x=1"));
  CHECK(path_trouble("up"));
  CHECK(path_trouble("/a b"));
  CHECK(path_trouble("/a\r\nX: y"));
  CHECK(!line_trouble("web.internal:80"));
  CHECK(line_trouble("web\n"));
}
