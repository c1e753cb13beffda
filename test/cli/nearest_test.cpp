#include "cli/nearest.hpp"

#include <array>

#include "support/catch.hpp"

using sluice::cli::nearest;

TEST_CASE("nearest: a slip of the finger finds its word", "[cli][nearest]") {
  constexpr std::array<std::string_view, 5> words = {"run", "check", "config show", "demo", "version"};
  CHECK(nearest("chekc", words) == "check");
  CHECK(nearest("rum", words) == "run");
  CHECK(nearest("verson", words) == "version");
  CHECK(nearest("conf", words) == "config show");
}

TEST_CASE("nearest: what is like nothing gets no suggestion", "[cli][nearest]") {
  constexpr std::array<std::string_view, 2> words = {"run", "check"};
  CHECK(nearest("teapot", words).empty());
  CHECK(nearest("", std::span<const std::string_view>()).empty());
}
