#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <random>
#include <string>

#include "relay/simulated_pump.hpp"
#include "support/catch.hpp"
#include "support/fd_count.hpp"

namespace sluice::relay::testing {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// One connection's life, drawn from a seed: what its peers do, when edges are harvested and when the pump is stepped.
class simulation {
 public:
  explicit simulation(std::uint64_t seed)
      : random_(seed), tcp_(chance(0.7)), pumped_(seed, drawn_nature(), drawn_budget()) {
    if (chance(0.3)) pumped_.moves.copy_from_now(pumped_.context, fallback_reason::configured);
    if (chance(0.3)) pumped_.allowed.turn_bytes = pick(1, 20'000);
    resets_ = chance(0.2);
    slow_ = chance(0.5);
  }
  ~simulation() {
    for (pipe* one : hoard_) pumped_.pool.give_back(one);
  }
  simulation(const simulation&) = delete;
  simulation& operator=(const simulation&) = delete;

  /// Runs to the end: how many steps the pump took. The first thing that went wrong is in wrong().
  std::uint64_t run() {
    for (const std::uint64_t lively = pick(5, 400); steps_ < lively && !over();) {
      peers_act();
      turn();
    }
    pumped_.io.peer_ends();
    // From here on only the reader acts: the end must come.
    for (int i = 0; i < 5'000 && !over(); ++i) {
      pumped_.allowed.fill_bytes = SIZE_MAX;
      pumped_.io.reader_takes(50'000);
      turn();
    }
    if (wrong_.empty() && !pumped_.is_over()) complain("it never ends");
    if (wrong_.empty()) judge();
    return steps_;
  }
  const std::string& wrong() const noexcept { return wrong_; }

 private:
  bool chance(double p) { return std::uniform_real_distribution<>(0, 1)(random_) < p; }
  std::size_t pick(std::size_t least, std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(least, most)(random_);
  }
  void complain(const std::string& what) {
    if (wrong_.empty()) wrong_ = what + " (step " + std::to_string(steps_) + ")";
  }
  bool over() const noexcept { return pumped_.is_over() || !wrong_.empty(); }

  simulated_io::nature drawn_nature() {
    simulated_io::nature like;
    like.tcp = tcp_;
    if (chance(0.2)) like.refuses_in = 0.02;
    if (chance(0.2)) like.refuses_out = 0.02;
    return like;
  }
  pipe_budget drawn_budget() {
    if (chance(0.1)) return {0, 0, 0};
    if (chance(0.5)) return {16, 1, 0};
    return {512, 4, 64 * 4'096};
  }

  void peers_act() {
    const double what = std::uniform_real_distribution<>(0, 1)(random_);
    if (what < 0.25) {
      for (std::size_t n = pick(1, 40); n > 0; --n) pumped_.io.peer_sends(1);
    } else if (what < 0.5) {
      pumped_.io.peer_sends(pick(1, 3'000));
    } else if (what < 0.55) {
      pumped_.io.peer_sends(pick(3'000, 100'000));
    } else if (what < 0.6) {
      if (tcp_) {
        pumped_.io.peer_sends_urgent();
        urgent_ = true;
      }
    } else if (what < 0.8) {
      pumped_.io.reader_takes(slow_ ? pick(1, 500) : pick(1'000, 100'000));
    } else if (what < 0.83) {
      pumped_.allowed.fill_bytes = chance(0.3) ? 0 : chance(0.5) ? SIZE_MAX : pick(1, 5'000);
    } else if (what < 0.86) {
      if (pipe* one = pumped_.pool.borrow()) hoard_.push_back(one);
    } else if (what < 0.89 && !hoard_.empty()) {
      pumped_.pool.give_back(hoard_.back());
      hoard_.pop_back();
    } else if (what < 0.895) {
      pumped_.io.peer_ends();
    } else if (what < 0.91 && resets_) {
      chance(0.5) ? pumped_.io.peer_resets() : pumped_.io.reader_resets();
    }
  }

  void turn() {
    const bool due = pumped_.io.edge_is_due();
    const bool harvests = chance(0.7);
    if (harvests) pumped_.harvest();
    if (chance(0.1)) pumped_.look_behind();
    // A step without a cause must do no harm, and what a harvest brings must be looked at.
    const bool caused =
        (harvests && due) || pumped_.last == step_result::again || pumped_.last == step_result::wants_time;
    if (!caused && !chance(0.2)) return;
    pumped_.step();
    ++steps_;
    if (pumped_.moves.holds_pipe() != (pumped_.moves.bytes_in_pipe() > 0)) complain("an empty pipe is held");
    if (pumped_.counts.pipes_in_use.value() != hoard_.size() + (pumped_.moves.holds_pipe() ? 1 : 0))
      complain("pipes in use are miscounted");
    if (!pumped_.io.violation().empty()) complain(pumped_.io.violation());
    if (pumped_.is_stalled()) complain("it waits for what is there");
  }

  void judge() {
    const simulated_io& io = pumped_.io;
    if (pumped_.moves.bytes_out() != io.delivered()) complain("bytes out are miscounted");
    if (pumped_.moves.bytes_in() != io.taken()) complain("bytes in are miscounted");
    if (pumped_.last == step_result::finished) {
      if (io.delivered() != io.sent() || !io.fin_delivered()) complain("finished too early");
      if (io.was_reset()) complain("a reset became an end of file");
      if (pumped_.moves.bytes_in() != pumped_.moves.bytes_out()) complain("bytes vanished");
      return;
    }
    if (io.fin_delivered()) complain("failed after a clean end of file");
    if (pumped_.source.error == 0 && pumped_.sink.error == 0) complain("failed without an error");
    if (pumped_.sink.error != 0 && !io.sink_died()) complain("a living sink was given up");
    if (pumped_.source.error != 0 && !io.was_reset()) complain("a living source was given up");
    // Whatever was sent before a reset is delivered; only behind an urgent mark the kernel does not give it.
    if (pumped_.source.error != 0 && !io.sink_died() && !urgent_ && io.delivered() != io.sent())
      complain("bytes before a reset were lost");
  }

  std::mt19937_64 random_;
  bool tcp_;
  simulated_pump pumped_;
  std::vector<pipe*> hoard_;
  std::uint64_t steps_ = 0;
  bool resets_ = false;
  bool slow_ = false;
  bool urgent_ = false;
  std::string wrong_;
};

/// A transfer of bytes of all sizes with an end of file, of which one call fails.
struct faulty_transfer {
  std::string failed_call;
  step_result last;
  std::uint64_t sent;
};

enum class mode { splices, copies, has_no_pipe };

faulty_transfer transfer(mode how, std::uint64_t fails_at, int error) {
  simulated_io::nature like;
  like.refuses_out = 0;
  simulated_pump pumped(1, like, how == mode::has_no_pipe ? pipe_budget{0, 0, 0} : pipe_budget{16, 1, 0});
  if (how == mode::copies) pumped.moves.copy_from_now(pumped.context, fallback_reason::configured);
  pumped.io.fail_call(fails_at, error);
  for (const std::size_t n : {1u, 20'000u, 3u, 100u}) pumped.io.peer_sends(n);
  pumped.io.peer_sends_urgent();
  pumped.io.peer_sends(10);
  bool ends = false;
  for (int i = 0; i < 200 && !pumped.is_over(); ++i) {
    pumped.harvest();
    // "Would block" out of nowhere promises an edge.
    if (!pumped.io.failed_call().empty()) pumped.source.readable = pumped.sink.writable = true;
    pumped.step();
    pumped.io.reader_takes(3'000);
    if (i == 5) pumped.io.peer_sends(5'000);
    if (i == 10 && !std::exchange(ends, true)) pumped.io.peer_ends();
  }
  const bool took_uncounted = how == mode::has_no_pipe && pumped.io.failed_call() == "receive";
  CHECK(pumped.io.violation().empty());
  CHECK(pumped.is_over());
  CHECK(pumped.moves.bytes_out() == pumped.io.delivered());
  if (!took_uncounted) CHECK(pumped.moves.bytes_in() == pumped.io.taken());
  CHECK(pumped.moves.bytes_in() >= pumped.moves.bytes_out());
  if (pumped.last == step_result::finished) {
    CHECK(pumped.io.fin_delivered());
    CHECK(pumped.io.delivered() == pumped.io.sent());
  } else {
    CHECK((pumped.source.error != 0 || pumped.sink.error != 0));
    CHECK_FALSE(pumped.io.fin_delivered());
  }
  pumped.moves.abandon(pumped.context);
  CHECK(pumped.counts.pipes_in_use.value() == 0);
  CHECK(pumped.counts.pipes_cached.value() == pumped.pool.cached());
  return {pumped.io.failed_call(), pumped.last, pumped.io.sent()};
}

}  // namespace

TEST_CASE("pump: a random kernel and random peers never cost a byte, nor a stall", "[relay][pump][simulation]") {
  const support::fd_baseline descriptors;
  const std::uint64_t steps = number_from("SLUICE_SIMULATION_STEPS", 200'000);
  std::uint64_t seed = number_from("SLUICE_SIMULATION_SEED", 1);
  std::uint64_t done = 0;
  for (; done < steps; ++seed) {
    simulation one(seed);
    done += one.run();
    if (one.wrong().empty()) continue;
    FAIL_CHECK("SLUICE_SIMULATION_SEED=" << seed << ": " << one.wrong());
    break;
  }
}

TEST_CASE("pump: every call of a transfer may fail, one after the other, and nothing leaks",
          "[relay][pump][simulation]") {
  const support::fd_baseline descriptors;
  const mode how = GENERATE(mode::splices, mode::copies, mode::has_no_pipe);
  const int error = GENERATE(EAGAIN, ECONNRESET, EPIPE, EINVAL, ENOMEM, EIO);
  CHECK(transfer(how, 0, 0).last == step_result::finished);
  std::uint64_t n = 1;
  for (; n < 1'000; ++n) {
    CAPTURE(static_cast<int>(how), error, n);
    const faulty_transfer one = transfer(how, n, error);
    if (one.failed_call.empty()) break;  // it has fewer calls
    CAPTURE(one.failed_call);
    const bool spliced = one.failed_call == "splice_in" || one.failed_call == "splice_out";
    const bool waited = spliced || one.failed_call == "peek" || one.failed_call == "send";
    if ((spliced && (error == EINVAL || error == ENOMEM)) || (waited && error == EAGAIN))
      CHECK(one.last == step_result::finished);
  }
  CHECK(n > 10);
  CHECK(n < 1'000);
}

}  // namespace sluice::relay::testing
