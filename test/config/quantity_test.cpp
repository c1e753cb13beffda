#include "config/quantity.hpp"

#include "support/catch.hpp"

using namespace sluice::conf;
using namespace std::chrono_literals;

TEST_CASE("quantity: durations have units, the larger first", "[config][quantity]") {
  CHECK(parse_duration("250ms").value == 250ms);
  CHECK(parse_duration("5s").value == 5s);
  CHECK(parse_duration("0s").value == 0s);
  CHECK(parse_duration("1h30m").value == 90min);
  CHECK(parse_duration("1d2h3m4s5ms").value == 93'784'005ms);
  CHECK(parse_duration("365d").value == 24h * 365);
}

TEST_CASE("quantity: what is no duration is refused", "[config][quantity]") {
  const std::string text = GENERATE("", "5", "0", "s", "5 s", "-5s", "1.5s", "5x", "5S", "30m1h", "1s1s", "1h5", "366d",
                                    "364d48h", "99999999999999999999s", "5ms3", "+5s");
  CAPTURE(text);
  const duration_result result = parse_duration(text);
  REQUIRE(result.trouble);
  CHECK(result.trouble->code == "bad-duration");
  CHECK_FALSE(result.trouble->hint.empty());
}

TEST_CASE("quantity: a bare number gets both readings as a hint", "[config][quantity]") {
  CHECK(parse_duration("5").trouble->hint == R"(write "5s" for seconds, "5ms" for milliseconds)");
  CHECK(parse_size("64").trouble->hint == R"(write "64B" for bytes, "64KiB" for 1024 bytes each)");
}

TEST_CASE("quantity: sizes have binary units", "[config][quantity]") {
  CHECK(parse_size("0B").bytes == 0);
  CHECK(parse_size("512B").bytes == 512);
  CHECK(parse_size("64KiB").bytes == 65'536);
  CHECK(parse_size("1MiB").bytes == 1'048'576);
  CHECK(parse_size("1024GiB").bytes == 1ULL << 40U);
}

TEST_CASE("quantity: what is no size is refused", "[config][quantity]") {
  const std::string text =
      GENERATE("", "64", "KiB", "64 KiB", "64kb", "1.5MiB", "-1B", "1025GiB", "99999999999999999999B");
  CAPTURE(text);
  const size_result result = parse_size(text);
  REQUIRE(result.trouble);
  CHECK(result.trouble->code == "bad-size");
  CHECK_FALSE(result.trouble->hint.empty());
}

TEST_CASE("quantity: a decimal unit is answered with the binary one", "[config][quantity]") {
  CHECK(parse_size("64k").trouble->hint == R"(write "64KiB")");
  CHECK(parse_size("1MB").trouble->hint == R"(write "1MiB")");
}

TEST_CASE("quantity: printing gives the text that parses to the same", "[config][quantity]") {
  for (const auto value : {0ms, 1ms, 999ms, 1000ms, 60'000ms, 5'400'000ms, 93'784'005ms}) {
    CAPTURE(value.count());
    CHECK(parse_duration(print_duration(value)).value == value);
  }
  for (const std::uint64_t bytes : {0ULL, 1ULL, 1'000ULL, 1'024ULL, 262'144ULL, 1ULL << 30U}) {
    CAPTURE(bytes);
    CHECK(parse_size(print_size(bytes)).bytes == bytes);
  }
  CHECK(print_duration(5'400'000ms) == "1h30m");
  CHECK(print_size(262'144) == "256KiB");
}
