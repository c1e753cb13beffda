#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "history/history.hpp"
#include "history/run.hpp"

#include "support/catch.hpp"
#include "support/fault_relay.hpp"
#include "support/fd_count.hpp"

using namespace sluice::history;
using namespace sluice::support;

namespace {

constexpr std::uint32_t sessions = 250;

/// The access log of a fault_relay that stands in for sluice.
class forged_log {
 public:
  void add(const carried& one) {
    session_record record;
    record.client = one.client;
    record.backend_address = one.target;
    record.received = one.to_target;
    record.sent = one.to_client;
    record.reason = one.cut ? "client_reset" : one.client_first ? "client_fin" : "backend_fin";
    const std::lock_guard held(mutex_);
    records_.push_back(record);
    if (twist) twist(records_);
  }
  std::vector<session_record> records() const {
    const std::lock_guard held(mutex_);
    return records_;
  }

  /// Changes the log when a record has been added to it.
  std::function<void(std::vector<session_record>&)> twist;

 private:
  mutable std::mutex mutex_;
  std::vector<session_record> records_;
};

/// Every seventieth time, for all its copies together: each connection has one.
class now_and_then {
 public:
  bool operator()() { return ++*count_ % 70 == 0; }

 private:
  std::shared_ptr<unsigned> count_ = std::make_shared<unsigned>(0);
};

struct bug {
  std::string name;
  std::function<void(fault_relay_settings&, forged_log&)> plant;
  std::vector<rule> found_as;  ///< one of these; none: it is no bug
};

using bytes = std::vector<std::byte>;

std::vector<bug> bugs() {
  const auto on_bytes = [](std::function<void(bytes&)> change) {
    return [change](fault_relay_settings& settings, forged_log&) {
      settings.to_target.tamper = [change, when = now_and_then()](bytes& piece, std::uint64_t position) mutable {
        if (position >= header_bytes && piece.size() > 1 && when()) change(piece);
      };
    };
  };
  const auto on_log = [](std::function<void(std::vector<session_record>&)> change) {
    return [change](fault_relay_settings&, forged_log& log) {
      log.twist = [change, when = now_and_then()](std::vector<session_record>& records) mutable {
        if (when()) change(records);
      };
    };
  };
  return {
      {"none", [](fault_relay_settings&, forged_log&) {}, {}},
      {"bad days that are no bug",
       [](fault_relay_settings& settings, forged_log&) {
         settings.to_target = {.latency = std::chrono::milliseconds(3), .jitter = std::chrono::milliseconds(4)};
         settings.to_client = {.slice_bytes = 3'000,
                               .slow_close = std::chrono::milliseconds(5),
                               .reset_after = 40'000,
                               .probability = 0.3};
       },
       {}},
      {"a flipped bit", on_bytes([](bytes& piece) { piece.back() ^= std::byte{4}; }), {rule::no_foreign_byte}},
      {"a lost byte", on_bytes([](bytes& piece) { piece.pop_back(); }), {rule::no_foreign_byte, rule::no_false_end}},
      {"a doubled byte", on_bytes([](bytes& piece) { piece.push_back(piece.back()); }), {rule::no_foreign_byte}},
      {"bytes of another session",
       [](fault_relay_settings& settings, forged_log&) {
         settings.to_client.tamper = [other = std::make_shared<bytes>(), when = now_and_then()](bytes& piece,
                                                                                                std::uint64_t) mutable {
           if (when()) std::swap(piece, *other);
         };
       },
       {rule::no_foreign_byte}},
      {"a session that goes where another went",
       [](fault_relay_settings& settings, forged_log&) {
         settings.to_target.tamper = [other = std::make_shared<bytes>(), when = now_and_then()](
                                         bytes& piece, std::uint64_t at) mutable {
           if (at != 0 || piece.size() < header_bytes) return;
           if (!other->empty() && when()) std::copy_n(other->begin(), header_bytes, piece.begin());
           *other = piece;
         };
       },
       {rule::one_backend_each}},
      {"a header that no client sent",
       [](fault_relay_settings& settings, forged_log&) {
         settings.to_target.tamper = [when = now_and_then()](bytes& piece, std::uint64_t at) mutable {
           if (at == 0 && when()) piece[9 % piece.size()] ^= std::byte{1};
         };
       },
       {rule::no_foreign_byte}},
      {"a reset that is passed on as an end of file",
       [](fault_relay_settings& settings, forged_log&) { settings.hides_resets = true; },
       {rule::no_false_end}},
      {"an end before the last byte",
       [](fault_relay_settings& settings, forged_log&) {
         settings.to_client = {.cut_after = 5'000, .probability = 0.2};
       },
       {rule::no_false_end}},
      {"bytes that never come",
       [](fault_relay_settings& settings, forged_log&) {
         settings.to_client = {.black_hole_after = 5'000, .probability = 0.05};
       },
       {rule::no_stall}},
      {"a line that is missing", on_log([](auto& records) { records.pop_back(); }), {rule::one_record}},
      {"a line too many", on_log([](auto& records) { records.push_back(records.front()); }), {rule::one_record}},
      {"a line of nobody",
       on_log([](auto& records) { records.emplace_back().client = "10.0.0.1:5"; }),
       {rule::one_record}},
      {"a wrong count", on_log([](auto& records) { ++records.back().received; }), {rule::record_is_truth}},
      {"a cut that is called a good end",
       [](fault_relay_settings&, forged_log& log) {
         log.twist = [](std::vector<session_record>& records) { records.back().reason = "backend_fin"; };
       },
       {rule::record_is_truth}},
      {"a good end that is called a cut",
       on_log([](auto& records) { records.back().reason = "relay_error"; }),
       {rule::record_is_truth}},
  };
}

std::vector<violation> play(const bug& planted) {
  const history_settings all{.seed = 7, .threads = 12, .patience = std::chrono::milliseconds(1'500 * slowness)};
  session_history seen(all.seed);
  forged_log log;
  const history_backends backends(seen, all, 1);
  fault_relay_settings settings{.seed = 3, .keeps_client_address = true};
  planted.plant(settings, log);
  settings.on_end = [&](const carried& one) { log.add(one); };
  {
    fault_relay relay(backends.addresses().at(0), settings);
    history_clients clients(seen, all, {relay.socket_address()}, sessions);
    clients.wait();
    // Behind a black hole nobody is told that it is over; the relay's end tells them.
    wait_until([&] { return relay.open() == 0; }, std::chrono::milliseconds(1'500));
  }
  CHECK(backends.wait_over(std::chrono::seconds(20)));
  CHECK(seen.sessions() == sessions);
  return seen.check(log.records());
}

}  // namespace

TEST_CASE("history: each planted bug is found as what it is, and bad days alone are none", "[history]") {
  const fd_baseline descriptors;
  for (const bug& planted : bugs()) {
    const auto found = play(planted);
    INFO(planted.name << ": " << found.size() << " violations, the first: "
                      << (found.empty() ? "" : name_of(found.front().broken) + (": " + found.front().text)));
    if (planted.found_as.empty()) {
      CHECK(found.empty());
      continue;
    }
    CHECK(std::any_of(found.begin(), found.end(), [&](const violation& one) {
      return std::count(planted.found_as.begin(), planted.found_as.end(), one.broken) > 0;
    }));
  }
}
