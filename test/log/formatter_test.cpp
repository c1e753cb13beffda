#include "log/formatter.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "log/escape.hpp"
#include "log/log_fixture.hpp"
#include "support/allocation_count.hpp"

namespace sluice::log {
namespace {

using namespace test;

std::string session_line(formatter::style style, const session_record& record) {
  formatter lines(style);
  std::string out = "left over";
  lines.session(record, out);
  return out;
}

std::string message_line(formatter::style style, std::string_view text) {
  formatter lines(style);
  std::string out;
  lines.message(log_level::warning, 1'769'903'999'000'042, text, out);
  return out;
}

std::string duration_text(std::int64_t nanoseconds) {
  std::string out;
  append_duration(out, nanoseconds);
  return out;
}

TEST_CASE("log format: a session as JSON", "[log][format]") {
  CHECK(session_line(formatter::style::json, ordinary_record(7)) ==
        R"({"time":"2026-01-31T23:59:59.678901Z","schema":1,"level":"info","event":"session","id":7,"service":"web",)"
        R"("client":"192.0.2.7:40123","local":"192.0.2.1:8080","backend":"db.internal:5432",)"
        R"("backend_address":"198.51.100.5:5432","attempts":1,"connect_s":0.000321,"duration_s":1.234567,)"
        R"("received":1000,"sent":20000,"path":"spliced","spliced":21000,"copied":0,"reason":"client_fin"})");
}

TEST_CASE("log format: a session as text", "[log][format]") {
  CHECK(session_line(formatter::style::text, ordinary_record(7)) ==
        "2026-01-31T23:59:59.678901Z info session 7 web 192.0.2.7:40123 -> 192.0.2.1:8080 -> db.internal:5432 "
        "(198.51.100.5:5432) client_fin after 1.23s, connect 321us, attempts 1, received 1000, sent 20000, "
        "spliced (spliced 21000, copied 0)");
}

TEST_CASE("log format: a session that never reached a backend leaves out what it has not", "[log][format]") {
  session_record record = ordinary_record(8);
  record.backend = nullptr;
  record.backend_address = {};
  record.attempts = 0;
  record.connect_ns = -1;
  record.duration_ns = 999;
  record.bytes_received = record.bytes_sent = record.bytes_spliced = 0;
  record.reason = close_reason::connect_failed;
  record.error = ECONNREFUSED;
  CHECK(
      session_line(formatter::style::json, record) ==
      R"({"time":"2026-01-31T23:59:59.678901Z","schema":1,"level":"info","event":"session","id":8,"service":"web",)"
      R"("client":"192.0.2.7:40123","local":"192.0.2.1:8080","attempts":0,"duration_s":0.000000,)"
      R"("received":0,"sent":0,"path":"none","spliced":0,"copied":0,"reason":"connect_failed","error":"ECONNREFUSED"})");
  CHECK(session_line(formatter::style::text, record) ==
        "2026-01-31T23:59:59.678901Z info session 8 web 192.0.2.7:40123 -> 192.0.2.1:8080 connect_failed ECONNREFUSED "
        "after 0us, attempts 0, received 0, sent 0, none");
}

TEST_CASE("log format: a session that waited for a backend says how long", "[log][format]") {
  session_record record = ordinary_record(9);
  record.queue_ns = 250'000'000;
  CHECK(
      session_line(formatter::style::json, record).find(R"(,"connect_s":0.000321,"queue_s":0.250000,"duration_s":)") !=
      std::string::npos);
  CHECK(session_line(formatter::style::text, record).find(", connect 321us, queued 250.0ms, attempts 1") !=
        std::string::npos);
}

TEST_CASE("log format: unix ends are named as they were written", "[log][format]") {
  const std::string listener = "unix:/run/app.sock";
  const std::string backend = "unix:@quoted\"name";
  session_record record = ordinary_record(9);
  record.client = {};
  record.client.type = endpoint::family::unix_socket;
  record.local = record.client;
  record.local_name = &listener;
  record.backend = &backend;
  record.backend_address = record.client;
  const auto json = boost::json::parse(session_line(formatter::style::json, record));
  CHECK(json.at("client").as_string() == "unix");
  CHECK(json.at("local").as_string() == "unix:/run/app.sock");
  CHECK(json.at("backend").as_string() == backend);
  CHECK(json.at("backend_address").as_string() == backend);
  const auto text = session_line(formatter::style::text, record);
  INFO(text);
  CHECK(text.find(R"( unix -> unix:/run/app.sock -> "unix:@quoted\"name" ("unix:@quoted\"name") )") != text.npos);
}

TEST_CASE("log format: which way the bytes went is one word", "[log][format]") {
  session_record record = ordinary_record(1);
  const auto path = [&](std::uint64_t spliced, std::uint64_t copied) {
    record.bytes_spliced = spliced;
    record.bytes_copied = copied;
    return std::string(boost::json::parse(session_line(formatter::style::json, record)).at("path").as_string());
  };
  CHECK(path(0, 0) == "none");
  CHECK(path(1, 0) == "spliced");
  CHECK(path(0, 1) == "copied");
  CHECK(path(1, 1) == "mixed");
}

TEST_CASE("log format: an errno without a name is given as its number", "[log][format]") {
  session_record record = ordinary_record(1);
  record.error = 4711;
  CHECK(boost::json::parse(session_line(formatter::style::json, record)).at("error").as_string() == "4711");
}

TEST_CASE("log format: a reset that the other end can't be told is said", "[log][format]") {
  session_record record = ordinary_record(1);
  CHECK(session_line(formatter::style::json, record).find("reset_shown_as_eof") == std::string::npos);
  record.reset_shown_as_eof = true;
  CHECK(boost::json::parse(session_line(formatter::style::json, record)).at("reset_shown_as_eof").as_bool());
  CHECK(session_line(formatter::style::text, record).find(", reset shown as end of file") != std::string::npos);
}

TEST_CASE("log format: IPv6 in brackets, mapped IPv4 as IPv4", "[log][format]") {
  endpoint value;
  value.type = endpoint::family::ipv6;
  value.port = 443;
  value.bytes = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  std::string out;
  append_endpoint(out, value);
  CHECK(out == "[2001:db8::1]:443");
  value.bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 255};
  out.clear();
  append_endpoint(out, value);
  CHECK(out == "203.0.113.255:443");
}

TEST_CASE("log format: durations have the unit a person would choose", "[log][format]") {
  CHECK(duration_text(0) == "0us");
  CHECK(duration_text(999'999) == "999us");
  CHECK(duration_text(1'000'000) == "1.0ms");
  CHECK(duration_text(999'999'999) == "999.9ms");
  CHECK(duration_text(1'000'000'000) == "1.00s");
  CHECK(duration_text(59'990'000'000) == "59.99s");
  CHECK(duration_text(125'000'000'000) == "2m05s");
  CHECK(duration_text(3'600'000'000'000) == "1h00m00s");
  CHECK(duration_text(400'000'000'000'000) == "111h06m40s");
}

TEST_CASE("log format: a message in both formats", "[log][format]") {
  CHECK(message_line(formatter::style::json, "a \"quoted\" word") ==
        R"({"time":"2026-01-31T23:59:59.000042Z","level":"warning","msg":"a \"quoted\" word"})");
  CHECK(message_line(formatter::style::text, "a \"quoted\" word") ==
        "2026-01-31T23:59:59.000042Z warning a \"quoted\" word");
}

TEST_CASE("log format: the time follows the clock across a second and a day", "[log][format]") {
  formatter lines(formatter::style::text);
  std::string out;
  lines.message(log_level::info, 1'769'903'999'999'999, "x", out);
  CHECK(out == "2026-01-31T23:59:59.999999Z info x");
  lines.message(log_level::info, 1'769'904'000'000'000, "x", out);
  CHECK(out == "2026-02-01T00:00:00.000000Z info x");
  lines.message(log_level::info, 1'769'903'999'999'999, "x", out);
  CHECK(out == "2026-01-31T23:59:59.999999Z info x");
}

TEST_CASE("log format: hostile text can't act on a terminal or forge a line", "[log][format][hostile]") {
  struct hostile_case {
    std::string raw;
    std::string json;
    std::string text;
  };
  const auto [raw, json, text] = GENERATE(values<hostile_case>({
      {"line\nfeed\r\t", R"(line\nfeed\r\t)", R"(line\nfeed\r\t)"},
      {"\x1b[2J", R"(\u001b[2J)", R"(\x1b[2J)"},
      {std::string("nul\0x", 5), R"(nul\u0000x)", R"(nul\x00x)"},
      {"del\x7f", R"(del\u007f)", R"(del\x7f)"},
      {"back\\slash", R"(back\\slash)", R"(back\\slash)"},
      {"c1 \xc2\x9b", R"(c1 \u009b)", R"(c1 \u{009b})"},
      {"separators \xe2\x80\xa8\xe2\x80\xa9", R"(separators \u2028\u2029)", R"(separators \u{2028}\u{2029})"},
      {"turned \xe2\x80\xae round", R"(turned \u202e round)", R"(turned \u{202e} round)"},
      {"stray \xff\x80", R"(stray \ufffd\ufffd)", R"(stray \xff\x80)"},
      {"overlong \xc0\xaf", R"(overlong \ufffd\ufffd)", R"(overlong \xc0\xaf)"},
      {"overlong \xe0\x80\xaf", R"(overlong \ufffd\ufffd\ufffd)", R"(overlong \xe0\x80\xaf)"},
      {"surrogate \xed\xa0\x80", R"(surrogate \ufffd\ufffd\ufffd)", R"(surrogate \xed\xa0\x80)"},
      {"beyond \xf4\x90\x80\x80", R"(beyond \ufffd\ufffd\ufffd\ufffd)", R"(beyond \xf4\x90\x80\x80)"},
      {"cut \xe2\x82", R"(cut \ufffd\ufffd)", R"(cut \xe2\x82)"},
      {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
       "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"},
  }));
  CAPTURE(raw);
  std::string out;
  append_json_escaped(out, raw);
  CHECK(out == json);
  CHECK_NOTHROW(boost::json::parse("\"" + out + "\""));
  out.clear();
  append_text_escaped(out, raw);
  CHECK(out == text);
}

TEST_CASE("log format: a name with spaces or commas stays one word", "[log][format][hostile]") {
  std::string out;
  append_text_word(out, "web");
  append_text_word(out, "web client_fin, attempts 1");
  append_text_word(out, "");
  append_text_word(out, "q\"(");
  CHECK(out == R"(web"web client_fin, attempts 1""""q\"(")");
}

TEST_CASE("log format: every byte and pair of bytes gives one line of valid JSON", "[log][format][hostile]") {
  std::string all;
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      all += static_cast<char>(first);
      all += static_cast<char>(second);
    }
  }
  const std::string json = message_line(formatter::style::json, all);
  boost::json::error_code error;
  boost::json::parse(json, error);
  CHECK_FALSE(error);
  for (const auto style : {formatter::style::json, formatter::style::text}) {
    bool control = false;
    for (const char byte : message_line(style, all)) control = control || (byte >= 0 && byte < 0x20) || byte == 0x7f;
    CHECK_FALSE(control);
  }
}

TEST_CASE("log format: a line allocates nothing once the buffer has grown", "[log][format]") {
  const auto style = GENERATE(formatter::style::json, formatter::style::text);
  formatter lines(style);
  session_record record = ordinary_record(1);
  record.error = ECONNRESET;
  std::string out;
  lines.session(record, out);
  const auto before = support::allocations_here();
  for (std::uint64_t i = 0; i < 1000; ++i) {
    record.id = i;
    record.wall_us += 250'000;
    lines.session(record, out);
  }
  CHECK(support::allocations_here() == before);
  CHECK(before > 0);  // so it does count
}

}  // namespace
}  // namespace sluice::log
