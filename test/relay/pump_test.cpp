#include "relay/pump.hpp"

#include <cerrno>

#include "relay/pump_fixture.hpp"
#include "support/catch.hpp"

namespace sluice::relay::testing {

TEST_CASE("pump: a fill is drained by its exact length, then the source is asked again", "[relay][pump]") {
  scripted_pump one;
  CHECK(one.step({asks(call::splice_in, full, moves(100)), asks(call::splice_out, 100, moves(100)),
                  asks(call::splice_in, full, blocks())}) == step_result::wants_source);
  CHECK_FALSE(one.source.readable);
  CHECK(one.moves.bytes_in() == 100);
  CHECK(one.moves.bytes_out() == 100);
  CHECK(one.counts.bytes_spliced.value() == 100);
  CHECK(one.counts.fills.value() == 1);
  CHECK(one.counts.drains.value() == 1);
  // Nothing more is asked until an edge says so.
  CHECK(one.step({}) == step_result::wants_source);
}

TEST_CASE("pump: a partial drain asks for exactly the rest, and fills only what is empty", "[relay][pump]") {
  scripted_pump one;
  CHECK(one.step({asks(call::splice_in, full, moves(1'000)), asks(call::splice_out, 1'000, moves(300)),
                  asks(call::splice_out, 700, blocks())}) == step_result::wants_sink);
  CHECK_FALSE(one.sink.writable);
  CHECK(one.source.readable);
  CHECK(one.moves.bytes_in_pipe() == 700);
  CHECK(one.step({}) == step_result::wants_sink);
  one.sink.writable = true;
  CHECK(one.step({asks(call::splice_out, 700, moves(1)), asks(call::splice_out, 699, moves(699)),
                  asks(call::splice_in, full, blocks())}) == step_result::wants_source);
  CHECK(one.moves.bytes_out() == 1'000);
}

TEST_CASE("pump: the direction that ends last leaves its FIN to the close that follows", "[relay][pump]") {
  scripted_pump one;
  one.sink.finished = true;
  CHECK(one.step({asks(call::splice_in, full, moves(100)), asks(call::splice_out, 100, moves(100)),
                  asks(call::splice_in, full, blocks())}) == step_result::wants_source);
  one.source.readable = one.source.hung = true;
  CHECK(one.step({asks(call::splice_in, full, ends())}) == step_result::finished);
  CHECK(one.source.finished);
}

TEST_CASE("pump: nothing is read for a sink that takes nothing", "[relay][pump]") {
  scripted_pump one;
  one.sink.writable = false;
  CHECK(one.step({}) == step_result::wants_sink);
  CHECK(one.source.readable);
  CHECK_FALSE(one.moves.holds_pipe());
}

TEST_CASE("pump: EOF waits until the pipe is empty", "[relay][pump]") {
  scripted_pump one;
  one.source.hung = true;
  CHECK(one.step({asks(call::splice_in, full, moves(50)), asks(call::peek, 1, moves(1)),
                  asks(call::splice_out, 50, blocks())}) == step_result::wants_sink);
  one.sink.writable = true;
  CHECK(one.step({asks(call::splice_out, 50, moves(50)), asks(call::splice_in, full, ends()),
                  asks(call::shutdown_write, 0, {})}) == step_result::finished);
  CHECK(one.moves.source_ended());
  CHECK(one.moves.fin_sent());
  CHECK(one.step({}) == step_result::finished);
}

TEST_CASE("pump: an EOF seen behind the last bytes rides on them", "[relay][pump]") {
  scripted_pump one;
  one.source.hung = true;
  CHECK(one.step({asks(call::splice_in, full, moves(50)), asks(call::peek, 1, ends()),
                  asks(call::splice_out_before_fin, 50, moves(20)), asks(call::splice_out_before_fin, 30, blocks())}) ==
        step_result::wants_sink);
  CHECK_FALSE(one.moves.fin_sent());
  one.sink.writable = true;
  CHECK(one.step({asks(call::splice_out_before_fin, 30, moves(30)), asks(call::shutdown_write, 0, {})}) ==
        step_result::finished);
}

TEST_CASE("pump: Nagle's algorithm is ended before it can hold anything back", "[relay][pump]") {
  struct first_message {
    std::size_t bytes;
    bool ends;
  };
  const first_message first = GENERATE(first_message{1, false}, first_message{536, false}, first_message{537, true});
  scripted_pump one({512, 4, 0});
  one.sink.nagles = true;
  one.source.hung = one.source.broken = true;  // nothing is proven: the script tells
  one.io.expect({asks(call::splice_in, full, moves(first.bytes))});
  if (first.ends) one.io.expect({asks(call::set_nodelay, 0, {})});
  one.io.expect({asks(call::splice_out, first.bytes, moves(first.bytes)), asks(call::splice_in, full, moves(1))});
  if (!first.ends) one.io.expect({asks(call::set_nodelay, 0, {})});
  one.io.expect({asks(call::splice_out, 1, moves(1)), asks(call::splice_in, full, blocks())});
  CHECK(one.step({}) == step_result::wants_source);
  CHECK_FALSE(one.sink.nagles);
}

TEST_CASE("pump: copies end it, too", "[relay][pump][copy]") {
  scripted_pump one;
  one.sink.nagles = true;
  one.moves.copy_from_now(one.context, fallback_reason::configured);
  CHECK(one.step({asks(call::receive, full, moves(1'000)), asks(call::set_nodelay, 0, {}),
                  asks(call::send, 1'000, moves(1'000))}) == step_result::wants_source);
}

TEST_CASE("pump: a fill as large as asked is not followed by a look for its end", "[relay][pump]") {
  scripted_pump one;
  one.source.hung = true;
  CHECK(one.step({asks(call::splice_in, full, moves(full)), asks(call::splice_out, full, blocks())}) ==
        step_result::wants_sink);
}

TEST_CASE("pump: bytes that came before a reset hold no end of file back", "[relay][pump]") {
  const bool known = GENERATE(false, true);
  scripted_pump one;
  one.source.hung = true;
  one.source.broken = known;
  one.io.expect({asks(call::splice_in, full, moves(50))});
  if (!known) one.io.expect({asks(call::peek, 1, fails(ECONNRESET))});
  one.io.expect({asks(call::splice_out, 50, moves(50)), asks(call::splice_in, full, ends())});
  if (known) one.io.expect({asks(call::take_error, 0, fails(ECONNRESET))});
  CHECK(one.step({}) == step_result::failed);
  CHECK(one.source.error == ECONNRESET);
  CHECK_FALSE(one.moves.fin_sent());
}

TEST_CASE("pump: an EOF that no harvest told of is confirmed by one recv", "[relay][pump]") {
  scripted_pump one;
  CHECK(one.step({asks(call::splice_in, full, ends()), asks(call::receive, 1, ends()),
                  asks(call::shutdown_write, 0, {})}) == step_result::finished);
}

TEST_CASE("pump: an EOF at an urgent mark hides bytes, which are moved first", "[relay][pump][urgent]") {
  scripted_pump one;
  one.source.hung = true;
  one.source.urgent = true;
  CHECK(one.step({asks(call::splice_in, full, ends()), asks(call::receive, 1, moves(1)), asks(call::send, 1, moves(1)),
                  asks(call::splice_in, full, moves(3)), asks(call::peek, 1, ends()),
                  asks(call::splice_out_before_fin, 3, moves(3)), asks(call::shutdown_write, 0, {})}) ==
        step_result::finished);
  CHECK(one.moves.bytes_out() == 4);
  CHECK(one.fallbacks(fallback_reason::urgent_data) == 1);
}

TEST_CASE("pump: 0 from a source with a sticky error is a reset", "[relay][pump]") {
  scripted_pump one;
  one.source.hung = true;
  one.source.error = ECONNRESET;  // the other direction's write was told
  CHECK(one.step({asks(call::splice_in, full, moves(7)), asks(call::splice_out, 7, moves(7)),
                  asks(call::splice_in, full, ends())}) == step_result::failed);
  CHECK(one.moves.bytes_out() == 7);
  CHECK(one.source.error == ECONNRESET);
  CHECK(one.sink.error == 0);
}

TEST_CASE("pump: 0 from a broken source asks what broke it", "[relay][pump]") {
  const int told = GENERATE(ETIMEDOUT, 0);
  scripted_pump one;
  one.source.hung = true;
  one.source.broken = true;
  CHECK(one.step({asks(call::splice_in, full, ends()), asks(call::take_error, 0, fails(told))}) == step_result::failed);
  CHECK(one.source.error == (told != 0 ? told : ECONNRESET));
}

TEST_CASE("pump: an error of the source is the source's, and kept", "[relay][pump]") {
  scripted_pump one;
  CHECK(one.step({asks(call::splice_in, full, moves(20)), asks(call::splice_out, 20, moves(20)),
                  asks(call::splice_in, full, fails(ECONNRESET))}) == step_result::failed);
  CHECK(one.source.error == ECONNRESET);
  CHECK(one.sink.error == 0);
  CHECK(one.counts.pipes_killed.value() == 0);
}

TEST_CASE("pump: an error of the sink closes the pipe with its bytes, and counts it", "[relay][pump]") {
  scripted_pump one;
  CHECK(one.step({asks(call::splice_in, full, moves(20)), asks(call::splice_out, 20, moves(5)),
                  asks(call::splice_out, 15, fails(EPIPE))}) == step_result::failed);
  CHECK(one.sink.error == EPIPE);
  CHECK(one.source.error == 0);
  CHECK_FALSE(one.moves.holds_pipe());
  CHECK(one.counts.pipes_killed.value() == 1);
  CHECK(one.moves.bytes_out() == 5);
}

TEST_CASE("pump: a FIN that finds the sink dead asks why", "[relay][pump]") {
  const int told = GENERATE(ECONNRESET, EPIPE, 0);
  scripted_pump one;
  one.source.hung = true;
  CHECK(one.step({asks(call::splice_in, full, ends()), asks(call::shutdown_write, 0, fails(ENOTCONN)),
                  asks(call::take_error, 0, fails(told))}) == step_result::failed);
  CHECK(one.sink.error == (told != 0 ? told : ECONNRESET));
}

TEST_CASE("pump: an urgent byte is stepped over by one recv, and the mark stays until nothing is left",
          "[relay][pump][urgent]") {
  scripted_pump one;
  one.source.urgent = true;
  CHECK(
      one.step({asks(call::splice_in, full, moves(3)), asks(call::splice_out, 3, moves(3)),
                asks(call::splice_in, full, blocks()), asks(call::receive, 1, moves(1)), asks(call::send, 1, moves(1)),
                // the second mark
                asks(call::splice_in, full, moves(2)), asks(call::splice_out, 2, moves(2)),
                asks(call::splice_in, full, blocks()), asks(call::receive, 1, moves(1)), asks(call::send, 1, moves(1)),
                asks(call::splice_in, full, blocks()), asks(call::receive, 1, blocks())}) == step_result::wants_source);
  CHECK_FALSE(one.source.urgent);
  CHECK_FALSE(one.source.readable);
  CHECK(one.fallbacks(fallback_reason::urgent_data) == 2);
  CHECK(one.moves.bytes_out() == 7);
}

TEST_CASE("pump: an urgent byte that the sink does not take waits in a pipe", "[relay][pump][urgent]") {
  scripted_pump one;
  one.source.urgent = true;
  CHECK(one.step({asks(call::splice_in, full, blocks()), asks(call::receive, 1, moves(1)),
                  asks(call::send, 1, blocks()), asks(call::write_pipe, 1, moves(1))}) == step_result::wants_sink);
  CHECK(one.moves.bytes_in_pipe() == 1);
  one.sink.writable = true;
  CHECK(one.step({asks(call::splice_out, 1, moves(1)), asks(call::splice_in, full, blocks()),
                  asks(call::receive, 1, blocks())}) == step_result::wants_source);
}

TEST_CASE("pump: a spent allowance waits for time, but only when there is something to move", "[relay][pump]") {
  scripted_pump one;
  one.allowed.fill_bytes = 0;
  CHECK(one.step({}) == step_result::wants_time);
  one.sink.writable = false;
  CHECK(one.step({}) == step_result::wants_sink);
  one.sink.writable = true;
  one.source.readable = false;
  CHECK(one.step({}) == step_result::wants_source);
}

TEST_CASE("pump: what is in the pipe is drained even when the allowance is spent", "[relay][pump]") {
  scripted_pump one;
  CHECK(one.step({asks(call::splice_in, full, moves(20)), asks(call::splice_out, 20, blocks())}) ==
        step_result::wants_sink);
  one.sink.writable = true;
  one.allowed.fill_bytes = 0;
  CHECK(one.step({asks(call::splice_out, 20, moves(20))}) == step_result::wants_time);
}

TEST_CASE("pump: after its turn's bytes it gives way", "[relay][pump]") {
  scripted_pump one;
  one.allowed.turn_bytes = 100'000;
  CHECK(one.step({asks(call::splice_in, full, moves(60'000)), asks(call::splice_out, 60'000, moves(60'000)),
                  asks(call::splice_in, full, moves(60'000)), asks(call::splice_out, 60'000, moves(60'000))}) ==
        step_result::again);
  CHECK(one.step({asks(call::splice_in, full, blocks())}) == step_result::wants_source);
}

TEST_CASE("pump: a direction whose fills come back full asks for a whole large pipe", "[relay][pump]") {
  scripted_pump one({1'024, 4, 1024 * 1024});
  CHECK_FALSE(one.moves.is_bulk());
  CHECK(one.step({asks(call::splice_in, full, moves(full)), asks(call::splice_out, full, moves(full)),
                  asks(call::splice_in, 1024 * 1024, moves(200'000)), asks(call::splice_out, 200'000, moves(200'000)),
                  asks(call::splice_in, 1024 * 1024, blocks())}) == step_result::wants_source);
  CHECK(one.moves.is_bulk());
  one.allowed.largest_pipe = 128 * 1024;
  one.source.readable = true;
  CHECK(one.step({asks(call::splice_in, 128 * 1024, blocks())}) == step_result::wants_source);
}

TEST_CASE("pump: a large pipe has more slots, and more bytes prove a fill short", "[relay][pump]") {
  scripted_pump one({1'024, 4, 1024 * 1024});
  CHECK(one.step({asks(call::splice_in, full, moves(255)), asks(call::splice_out, 255, moves(255))}) ==
        step_result::wants_source);
  one.source.readable = true;
  CHECK(one.step({asks(call::splice_in, full, moves(256)), asks(call::splice_out, 256, moves(256)),
                  asks(call::splice_in, full, blocks())}) == step_result::wants_source);
}

TEST_CASE("pump: abandoned with bytes in its pipe it closes the pipe", "[relay][pump]") {
  scripted_pump one;
  CHECK(one.step({asks(call::splice_in, full, moves(20)), asks(call::splice_out, 20, blocks())}) ==
        step_result::wants_sink);
  one.moves.abandon(one.context);
  CHECK(one.counts.pipes_killed.value() == 1);
  CHECK(one.pool.cached() == 0);
  one.moves.abandon(one.context);
  CHECK(one.counts.pipes_killed.value() == 1);
}

}  // namespace sluice::relay::testing
