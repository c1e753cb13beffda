#include "balance/ejection.hpp"

#include <vector>

#include "balance/session_signs.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::balance;
using reason = session_signs::reason;
using std::chrono::milliseconds;

namespace {

constexpr std::int64_t second = 1'000'000'000;

passive_config rules() {
  passive_config result;
  result.connect_failures = 3;
  result.empty_sessions = 2;
  result.ejection = milliseconds(10'000);
  result.longest_ejection = milliseconds(60'000);
  return result;
}

}  // namespace

TEST_CASE("ejection: each is twice as long as the last, up to the longest", "[balance][passive]") {
  ejection out;
  std::vector<std::int64_t> terms;
  for (int i = 0; i < 5; ++i) {
    terms.push_back(out.begin(rules(), 0) / second);
    out.end();
  }
  CHECK(terms == std::vector<std::int64_t>{10, 20, 40, 60, 60});
}

TEST_CASE("ejection: an interval that went well takes one doubling back, one spent outside does not",
          "[balance][passive]") {
  ejection out;
  out.begin(rules(), 0);
  out.end();
  out.begin(rules(), 0);
  out.interval_over(rules(), {});  // out
  out.end();
  out.interval_over(rules(), {});  // it was out at its beginning
  CHECK(out.begin(rules(), 0) == 40 * second);
  out.end();
  out.interval_over(rules(), {});
  out.interval_over(rules(), {});
  CHECK(out.begin(rules(), 0) == 40 * second);
  out.end();
  for (int i = 0; i < 9; ++i) out.interval_over(rules(), {});
  CHECK(out.begin(rules(), 0) == 10 * second);
}

TEST_CASE("ejection: a share of failures counts from so many sessions on", "[balance][passive]") {
  passive_config share = rules();
  share.failed_share = 50;
  share.min_sessions = 20;
  ejection out;
  CHECK(!out.interval_over(share, {19, 19}));
  CHECK(!out.interval_over(share, {19 + 20, 19 + 9}));
  CHECK(out.interval_over(share, {39 + 20, 28 + 10}));
  CHECK(!out.interval_over(share, {59, 38}));
}

TEST_CASE("ejection: what a backend did before it was watched is no reason", "[balance][passive]") {
  passive_config share = rules();
  share.failed_share = 50;
  ejection out({1'000, 1'000});
  CHECK(!out.interval_over(share, {1'020, 1'000}));
  CHECK(out.interval_over(share, {1'040, 1'020}));
}

TEST_CASE("ejection: how many may be out is rounded down", "[balance][passive]") {
  CHECK(most_ejected(rules(), 1) == 0);
  CHECK(most_ejected(rules(), 2) == 1);
  CHECK(most_ejected(rules(), 3) == 1);
  CHECK(most_ejected(rules(), 10) == 5);
}

TEST_CASE("session signs: so many connects in a row raise a suspicion, once", "[balance][passive]") {
  session_signs signs;
  CHECK(!signs.connect_failed(rules()));
  CHECK(!signs.connect_failed(rules()));
  signs.connected(1);
  CHECK(!signs.connect_failed(rules()));
  CHECK(!signs.connect_failed(rules()));
  CHECK(signs.connect_failed(rules()));
  CHECK(!signs.connect_failed(rules()));
  CHECK(signs.suspected().why == reason::connect_failures);
  CHECK(signs.suspected().in_a_row == 3);  // as it was when it was raised, though a fourth has failed since
  signs.let_go();
  CHECK(signs.connect_failed(rules()));
}

TEST_CASE("session signs: a backend that comes back is out at its first failure, until a success",
          "[balance][passive]") {
  session_signs signs;
  signs.eject(reason::connect_failures, 100);
  CHECK(signs.is_ejected());
  CHECK(!signs.connect_failed(rules()));  // of before
  signs.readmit();
  CHECK(signs.is_doubted());
  CHECK(signs.connect_failed(rules()));
  signs.eject(reason::connect_failures, 200);
  signs.readmit();
  CHECK(!signs.connected(150));  // began before it was ejected
  CHECK(signs.is_doubted());
  signs.connected(201);
  CHECK(!signs.is_doubted());
  CHECK(!signs.connect_failed(rules()));
}

TEST_CASE("session signs: to accept does not excuse a backend that never answers", "[balance][passive]") {
  session_signs signs;
  CHECK(!signs.ended_empty(rules()));
  CHECK(signs.ended_empty(rules()));
  signs.eject(reason::empty_sessions, 100);
  CHECK(!signs.connected(200));
  CHECK(signs.is_doubted());
  CHECK(signs.answered(200));  // while it is out: the judge has to look
  CHECK(!signs.is_doubted());
}
