#include "cli/system_facts.hpp"

#include <set>

#include "support/catch.hpp"

using namespace sluice::cli;

TEST_CASE("system facts: everything a bug report needs is there and known on Linux", "[cli][version]") {
  std::set<std::string> names;
  for (const auto& [name, value] : system_facts()) {
    CAPTURE(name, value);
    CHECK_FALSE(value.empty());
    CHECK(value != "unknown");
    names.insert(name);
  }
  for (const auto* name : {"sluice", "compiler", "build", "boost", "kernel", "pipe-max-size", "pipe-user-pages-soft",
                           "descriptors", "processors", "somaxconn"})
    CHECK(names.contains(name));
}

TEST_CASE("system facts: processor lists are counted", "[cli][version]") {
  CHECK(processors_in("0") == 1);
  CHECK(processors_in("0-3") == 4);
  CHECK(processors_in("0-3,8,10-11") == 7);
  CHECK(processors_in("") == 0);
}
