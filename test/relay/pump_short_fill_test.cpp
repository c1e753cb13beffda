#include "relay/pump_fixture.hpp"
#include "support/catch.hpp"

namespace sluice::relay::testing {

TEST_CASE("pump: a short fill proves the source empty only where nothing else can have cut it short", "[relay][pump]") {
  struct short_fill {
    std::size_t moved;
    bool tcp;
    bool hung;
    bool urgent;
    bool proves;
  };
  const short_fill fill =
      GENERATE(short_fill{15, true, false, false, true}, short_fill{1, true, false, false, true},
               short_fill{16, true, false, false, false},  // the pipe has sixteen slots
               short_fill{17, true, false, false, false}, short_fill{15, false, false, false, false},
               short_fill{15, true, true, false, false});
  CAPTURE(fill.moved, fill.tcp, fill.hung);
  scripted_pump one;
  one.source.tcp = fill.tcp;
  one.source.hung = fill.hung;
  one.io.expect({asks(call::splice_in, full, moves(fill.moved))});
  if (fill.hung) one.io.expect({asks(call::peek, 1, blocks())});
  one.io.expect({asks(call::splice_out, fill.moved, moves(fill.moved))});
  if (!fill.proves) one.io.expect({asks(call::splice_in, full, blocks())});
  CHECK(one.step() == step_result::wants_source);
  one.io.check_done();
  CHECK_FALSE(one.source.readable);
}

TEST_CASE("pump: a look behind a short fill that is vain eight times is left to a deadline", "[relay][pump]") {
  scripted_pump one;
  constexpr std::size_t unproven = 1'000;  // in sixteen slots: fewer than 64 bytes for each
  const auto message = [&](bool looks) {
    one.source.readable = true;
    one.io.expect({asks(call::splice_in, full, moves(unproven)), asks(call::splice_out, unproven, moves(unproven))});
    if (looks) one.io.expect({asks(call::splice_in, full, blocks())});
    CHECK(one.step({}) == step_result::wants_source);
    CHECK(one.moves.trusts_last_fill() == !looks);
  };
  for (int i = 0; i < 8; ++i) message(true);
  message(false);
  message(false);
  one.moves.trust_was(true);
  message(false);
  // Something had been left behind: it has to be earned again, by twice as many looks.
  one.moves.trust_was(false);
  for (int i = 0; i < 16; ++i) message(true);
  message(false);
}

TEST_CASE("pump: a look that finds bytes counts all of them anew", "[relay][pump]") {
  scripted_pump one;
  for (int i = 0; i < 7; ++i) {
    one.source.readable = true;
    CHECK(one.step({asks(call::splice_in, full, moves(500)), asks(call::splice_out, 500, moves(500)),
                    asks(call::splice_in, full, blocks())}) == step_result::wants_source);
  }
  for (int i = 0; i < 2; ++i) {
    one.source.readable = true;
    CHECK(one.step({asks(call::splice_in, full, moves(500)), asks(call::splice_out, 500, moves(500)),
                    asks(call::splice_in, full, moves(500)), asks(call::splice_out, 500, moves(500)),
                    asks(call::splice_in, full, blocks())}) == step_result::wants_source);
  }
}

TEST_CASE("pump: among the large fills of bulk a short one is not trusted", "[relay][pump]") {
  scripted_pump one;
  const auto message = [&](std::size_t bytes) {
    one.source.readable = true;
    CHECK(one.step({asks(call::splice_in, full, moves(bytes)), asks(call::splice_out, bytes, moves(bytes)),
                    asks(call::splice_in, full, blocks())}) == step_result::wants_source);
  };
  for (int i = 0; i < 10; ++i) {
    for (int j = 0; j < 7; ++j) message(500);
    message(20'000);
  }
}

TEST_CASE("pump: a fill that the slots may well have cut short is never trusted", "[relay][pump]") {
  const std::size_t bytes = GENERATE(std::size_t{1'024}, std::size_t{20'000});
  scripted_pump one;
  for (int i = 0; i < 20; ++i) {
    one.source.readable = true;
    CHECK(one.step({asks(call::splice_in, full, moves(bytes)), asks(call::splice_out, bytes, moves(bytes)),
                    asks(call::splice_in, full, blocks())}) == step_result::wants_source);
  }
}

TEST_CASE("pump: fewer bytes than allowed prove nothing if no more were asked for", "[relay][pump]") {
  scripted_pump one;
  one.allowed.fill_bytes = 10;
  CHECK(one.step({asks(call::splice_in, 10, moves(10)), asks(call::splice_out, 10, moves(10)),
                  asks(call::splice_in, 10, moves(9)), asks(call::splice_out, 9, moves(9))}) ==
        step_result::wants_source);
}

}  // namespace sluice::relay::testing
