#include "history/history.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "history/run.hpp"

#include "support/catch.hpp"
#include "support/fault_relay.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/sluice_process.hpp"

using namespace sluice::history;
using namespace sluice::support;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

double number_from(const char* variable, double otherwise) {
  const char* given = std::getenv(variable);
  return given != nullptr ? std::atof(given) : otherwise;
}

/// How a round ends for those who are still there.
enum class round_end { all_finish, drain_deadline, kill };

/// The weather between sluice and its clients, and between it and one of its backends.
fault_relay_settings bad_day(std::uint64_t seed) {
  fault_relay_settings made{.seed = seed, .keeps_client_address = true};
  made.to_target = {
      .latency = milliseconds(2), .jitter = milliseconds(3), .slow_close = milliseconds(10), .probability = 0.7};
  made.to_client = {
      .bytes_per_second = 40'000'000, .slice_bytes = 5'000, .reset_after = seed * 7'919 % 300'000, .probability = 0.4};
  return made;
}

struct round_result {
  std::size_t sessions = 0;
  std::vector<violation> found;
};

/// One life of the program.
round_result play_round(std::uint64_t seed, seconds length, round_end end) {
  const history_settings all{.seed = seed, .threads = 16, .patience = milliseconds(20'000 * slowness)};
  session_history seen(seed);
  const history_backends backends(seen, all, 2);
  const fault_relay behind(backends.addresses()[1], bad_day(seed));
  const std::string front = free_address();
  sluice_process sluice({.toml = "[service.s]\nlisten = '" + front + "'\nbackends = ['" +
                                 to_string(backends.addresses()[0]) + "', '" + behind.address() +
                                 "']\nclient.buffer_limit = '128KiB'\n[drain]\ntimeout = '" +
                                 (end == round_end::drain_deadline ? "200ms" : "120s") + "'\n"});
  {
    const fault_relay before(parse_address(front), bad_day(seed + 1));
    history_clients clients(seen, all, {parse_address(front), parse_address(front), before.socket_address()});
    std::this_thread::sleep_for(length);
    switch (end) {
      case round_end::all_finish: break;
      case round_end::drain_deadline:
        seen.stop_began();
        sluice.signal(SIGTERM);
        CHECK(sluice.program().wait_exit(seconds(10 * slowness)).has_value());
        break;
      case round_end::kill:
        seen.killed();
        sluice.signal(SIGKILL);
        CHECK(sluice.program().wait_exit().has_value());
        break;
    }
    clients.stop();
  }
  CHECK(backends.wait_over(seconds(30 * slowness)));
  if (end == round_end::all_finish) {
    sluice.wait_at_rest(seconds(3 * slowness));  // lingering resets take up to a second
    sluice.check_clean_end();
  }
  sluice.program().finish_output();
  const auto records = session_records(sluice.output());
  round_result result{seen.sessions(), seen.check(records)};
  if (end != round_end::kill) {
    CHECK(sluice.final_count("lost_edges").value_or(1) == 0);
    CHECK(sluice.final_count("sessions").value_or(0) == records.size());
  }
  return result;
}

}  // namespace

// FAULTS.md section 7: the history checker, and L10 under every kind of end there is.
TEST_CASE("history: whatever its sessions meet, sluice keeps every rule and its log tells the truth",
          "[history][L10]") {
  const fd_baseline descriptors;
  const double length = number_from("SLUICE_HISTORY_SECONDS", 40);
  const auto seed = static_cast<std::uint64_t>(number_from("SLUICE_HISTORY_SEED", std::random_device{}() % 1'000'000));
  const auto begun = std::chrono::steady_clock::now();
  constexpr round_end ends[] = {round_end::all_finish, round_end::drain_deadline, round_end::kill};
  // Three rounds or more; in a long run one lives half a minute.
  const auto rounds = std::max<std::size_t>(3, static_cast<std::size_t>(length / 30));
  const seconds each(std::max(1, static_cast<int>(length / static_cast<double>(rounds))));
  std::size_t sessions = 0;
  std::size_t violations = 0;
  for (std::size_t i = 0; i < rounds; ++i) {
    const round_result round = play_round(seed + i, each, ends[i % 3]);
    sessions += round.sessions;
    for (std::size_t n = 0; n < std::min<std::size_t>(round.found.size(), 20); ++n)
      UNSCOPED_INFO(name_of(round.found[n].broken) << ": " << round.found[n].text);
    CHECK(round.found.empty());
    violations += round.found.size();
  }
  CHECK(sessions >= 100);
  const auto took = std::chrono::duration_cast<seconds>(std::chrono::steady_clock::now() - begun).count();
  figure("history", std::to_string(sessions) + " sessions in " + std::to_string(took) + " s, " +
                        std::to_string(violations) + " violations");
}
