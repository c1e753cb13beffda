#include "server/session_table.hpp"

#include <cstddef>
#include <memory>
#include <set>
#include <vector>

#include "log/logger.hpp"
#include "server/roster.hpp"
#include "server/worker.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::server;

namespace {

/// A worker that knows its routes and has ended: sessions may be made for it here.
struct ended_worker {
  ended_worker() {
    shared.workers.push_back(std::make_unique<worker>(0, shared));
    shared.workers[0]->publish(make_routes(settings()));
    shared.workers[0]->start();
    shared.workers[0]->stop_and_join();
  }
  static config settings() {
    config result;
    result.services.emplace_back();
    return result;
  }
  static log_config quiet() {
    log_config result;
    result.output = "/dev/null";
    return result;
  }
  worker& operator*() { return *shared.workers[0]; }

  std::vector<entrance> entrances{entrance{}};
  log::logger log{quiet(), 1};
  commons shared{accept::admission(0), entrances, {}, {}, true, log, {}, {0}};
};

std::pair<std::uint32_t, std::uint32_t> name_of(const session& one) {
  return {one.token().slot, one.token().generation};
}

}  // namespace

TEST_CASE("session_table: a session is found by its token until it is closed", "[server][session_table]") {
  ended_worker home;
  session_table table;
  session& one = table.open(*home, {});
  const loop::edge_token token = one.token();
  CHECK(table.find(token) == &one);
  loop::edge_token of_backend = token;
  of_backend.which = loop::side::backend;
  CHECK(table.find(of_backend) == &one);
  CHECK(table.size() == 1);
  table.close(token);
  CHECK(table.find(token) == nullptr);
  CHECK(table.size() == 0);
}

TEST_CASE("session_table: a slot's next tenant is not found by the token of the last", "[server][session_table]") {
  ended_worker home;
  session_table table;
  std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
  for (int i = 0; i < 100; ++i) {
    session& one = table.open(*home, {});
    const loop::edge_token token = one.token();
    CHECK(seen.insert(name_of(one)).second);
    loop::edge_token before = token;
    --before.generation;
    CHECK(table.find(before) == nullptr);
    CHECK(table.find(token) == &one);
    CHECK(loop::edge_token::unpack(token.pack()).generation == token.generation);
    table.close(token);
  }
  CHECK(seen.size() == 100);
  CHECK(seen.begin()->first == seen.rbegin()->first);  // the slot was used again
}

TEST_CASE("session_table: grows without moving anybody", "[server][session_table]") {
  ended_worker home;
  session_table table;
  std::vector<session*> sessions;
  std::set<std::uint32_t> slots;
  for (int i = 0; i < 1000; ++i) {
    sessions.push_back(&table.open(*home, {}));
    slots.insert(sessions.back()->token().slot);
  }
  CHECK(slots.size() == 1000);
  for (session* one : sessions) REQUIRE(table.find(one->token()) == one);
  std::size_t visited = 0;
  table.for_each([&](session&) { ++visited; });
  CHECK(visited == 1000);
  for (std::size_t i = 0; i < 1000; i += 2) table.close(sessions[i]->token());
  CHECK(table.size() == 500);
  for (std::size_t i = 1; i < 1000; i += 2) REQUIRE(table.find(sessions[i]->token()) == sessions[i]);
  for (int i = 0; i < 500; ++i) slots.insert(table.open(*home, {}).token().slot);
  CHECK(slots.size() == 1000);  // freed slots come before new ones
}

TEST_CASE("session_table: tokens of listeners and of the mailbox are nobody's", "[server][session_table]") {
  ended_worker home;
  session_table table;
  table.open(*home, {});
  CHECK(table.find({loop::edge_token::mailbox, 0, loop::side::client}) == nullptr);
  CHECK(table.find({loop::edge_token::first_listener, 0, loop::side::client}) == nullptr);
  CHECK(table.find({31, 1, loop::side::client}) == nullptr);
  CHECK(table.find({32, 1, loop::side::client}) == nullptr);
}

TEST_CASE("session_table: a session that never began gives its places back", "[server][session_table]") {
  ended_worker home;
  accept::admission places(1);
  {
    session_table table;
    REQUIRE(places.take(1) == 1);
    arrival client;
    client.in.of_process = accept::permit(places);
    const loop::edge_token token = table.open(*home, std::move(client)).token();
    CHECK(places.in_use() == 1);
    table.close(token);
    CHECK(places.in_use() == 0);
  }
  CHECK(places.in_use() == 0);
}
