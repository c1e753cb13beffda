#include "balance/check_state.hpp"

#include "support/catch.hpp"

using sluice::balance::check_state;
using change = check_state::change;

TEST_CASE("check state: the first result of all decides alone", "[balance][health]") {
  check_state bad(2, 3);
  CHECK(bad.note(false) == change::down);
  CHECK(bad.in_a_row() == 1);
  check_state good(2, 3);
  CHECK(good.note(true) == change::none);
  CHECK(good.is_up());
  CHECK(good.note(false) == change::none);
}

TEST_CASE("check state: it falls and rises by so many in a row", "[balance][health]") {
  check_state state(2, 3);
  state.note(true);
  CHECK(state.note(false) == change::none);
  CHECK(state.in_doubt());
  CHECK(state.note(false) == change::none);
  CHECK(state.note(true) == change::none);  // begins anew
  CHECK(!state.in_doubt());
  CHECK(state.note(false) == change::none);
  CHECK(state.note(false) == change::none);
  CHECK(state.note(false) == change::down);
  CHECK(state.in_a_row() == 3);
  CHECK(!state.in_doubt());
  CHECK(state.note(true) == change::none);
  CHECK(state.note(false) == change::none);
  CHECK(state.note(true) == change::none);
  CHECK(state.note(true) == change::up);
  CHECK(state.is_up());
}

// FAULTS.md B4: whatever a backend does, it changes at most once in rise + fall results.
TEST_CASE("check state: a flapping backend changes at most once in as many checks as it takes", "[balance][B4]") {
  for (unsigned period = 1; period <= 12; ++period) {
    check_state state(2, 3);
    state.note(true);
    int changes = 0;
    for (unsigned i = 0; i < 600; ++i) changes += state.note((i / period) % 2 == 1) == change::none ? 0 : 1;
    CAPTURE(period, changes);
    CHECK(changes <= 2 * 600 / 5);
    if (period < 2) CHECK(changes == 0);
  }
}
