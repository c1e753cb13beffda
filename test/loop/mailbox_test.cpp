#include "loop/mailbox.hpp"

#include <memory>
#include <thread>
#include <vector>

#include "loop/edge_set.hpp"
#include "support/catch.hpp"
#include "support/fd_count.hpp"

using sluice::loop::edge_set;
using sluice::loop::edge_token;
using sluice::loop::mailbox;
using sluice::loop::never;
namespace support = sluice::support;

namespace {

constexpr edge_token token{edge_token::mailbox, 0, {}};

/// A worker that has nothing but its mailbox.
struct reader {
  reader() { REQUIRE(edges.add_reader(box.fd(), token) == 0); }
  mailbox box;
  edge_set edges;
};

}  // namespace

TEST_CASE("mailbox: a message is an edge, and runs when it is read", "[loop][mailbox]") {
  const support::fd_baseline descriptors;
  reader one;
  int ran = 0;
  CHECK(one.edges.wait(0, 0).empty());
  for (int i = 1; i < 4; ++i) {
    one.box.post([&ran] { ++ran; });
    CHECK(ran == i - 1);
    CHECK(one.edges.wait(0, never).size() == 1);
    one.box.read();
    CHECK(ran == i);
    CHECK(one.edges.wait(0, 0).empty());
  }
}

TEST_CASE("mailbox: many messages are one edge, read in order", "[loop][mailbox]") {
  reader one;
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) one.box.post([&order, i] { order.push_back(i); });
  CHECK(one.edges.wait(0, never).size() == 1);
  one.box.read();
  REQUIRE(order.size() == 100);
  for (int i = 0; i < 100; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("mailbox: a message posted by a message is not lost", "[loop][mailbox]") {
  reader one;
  bool ran = false;
  one.box.post([&] { one.box.post([&ran] { ran = true; }); });
  while (!ran) {
    REQUIRE(one.edges.wait(0, never).size() == 1);
    one.box.read();
  }
  CHECK(ran);
}

TEST_CASE("mailbox: what nobody reads is destroyed with it", "[loop][mailbox]") {
  const auto cargo = std::make_shared<int>(1);
  {
    reader one;
    one.box.post([kept = cargo] { FAIL_CHECK("ran " << *kept); });
    CHECK(cargo.use_count() == 2);
  }
  CHECK(cargo.use_count() == 1);
}

TEST_CASE("mailbox: no message of any thread is left behind", "[loop][mailbox]") {
  constexpr int threads = 4;
  constexpr int messages = 20'000;
  reader one;
  int ran = 0;
  std::vector<std::thread> posting;
  for (int i = 0; i < threads; ++i)
    posting.emplace_back([&one, &ran] {
      for (int n = 0; n < messages; ++n) one.box.post([&ran] { ++ran; });
    });
  // A wake that is lost shows as a wait that ends without an edge.
  bool woken = true;
  while (ran < threads * messages && woken) {
    woken = !one.edges.wait(0, 10'000'000'000).empty();
    if (woken) one.box.read();
  }
  CHECK(woken);
  CHECK(ran == threads * messages);
  for (std::thread& one_of : posting) one_of.join();
}
