#include "server/manager_status.hpp"

#include <chrono>
#include <cstdlib>

#include <boost/asio/io_context.hpp>

#include "support/catch.hpp"

using namespace sluice::server;

TEST_CASE("count_of: one is not several", "[server][manager_status]") {
  CHECK(count_of(0, "session") == "0 sessions");
  CHECK(count_of(1, "session") == "1 session");
  CHECK(count_of(2, "session") == "2 sessions");
}

TEST_CASE("manager_status: without a manager nothing is waited for", "[server][manager_status]") {
  REQUIRE(std::getenv("NOTIFY_SOCKET") == nullptr);
  boost::asio::io_context io;
  manager_status status(io, [] { return 1U; });
  status.ready("ready", 1);
  CHECK(io.run_for(std::chrono::seconds(10)) == 0);
}
