#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sluice::connect {

/// Says when each check starts: when it is due, but never more than `starts` of them within `within_ns`, however they
/// fall, and never more than `budget` at a time. What must wait comes first afterwards, in the order it was due. Has no
/// clock: the caller passes monotonic nanoseconds. Thread: one.
class check_schedule {
 public:
  using id = std::uint64_t;
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  struct pace {
    std::size_t starts = 20;
    std::int64_t within_ns = 10'000'000;
  };

  explicit check_schedule(std::size_t budget) : check_schedule(budget, pace{}) {}
  check_schedule(std::size_t budget, const pace& most);

  /// Files a check, or files it anew. One that runs is left alone: finish() says when it is due again.
  void file(id check, std::int64_t due_ns);
  /// It will not start any more; if it runs, its finish() is still wanted.
  void remove(id check);

  /// The next check that may start now, counted as running until finish(); nothing if there is none.
  std::optional<id> start(std::int64_t now_ns);
  /// A check that start() gave is over. due_ns: when it is to run again; ignored if it was removed meanwhile.
  void finish(id check, std::int64_t due_ns);

  /// When start() may next give something; `never` if that depends on a finish() or file().
  std::int64_t next_ns() const;
  std::size_t running() const noexcept { return running_.size(); }

 private:
  std::size_t budget_;
  pace most_;
  std::set<std::pair<std::int64_t, id>> queue_;
  std::unordered_map<id, std::int64_t> filed_;  ///< what is in the queue, and when it is due
  std::unordered_map<id, bool> running_;        ///< whether it goes on after its finish()
  std::vector<std::int64_t> last_starts_;       ///< a ring of the last `starts`
  std::size_t oldest_ = 0;
};

/// An interval varied by up to `percent`, up or down, by a uniform random number.
std::int64_t jittered(std::int64_t interval_ns, std::uint32_t percent, std::uint64_t random) noexcept;

}  // namespace sluice::connect
