#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "log/formatter.hpp"
#include "log/message_queue.hpp"
#include "log/output.hpp"
#include "log/session_ring.hpp"
#include "log/waker.hpp"

namespace spdlog::sinks {
class sink;
}

namespace sluice::log {

/// What the log thread works on: takes records and messages out of their queues, formats them, hands them to the sink.
///
/// While the destination is blocked or failing it takes no more than a batch, so the queues fill and then drop; it is
/// awake all that time, so pushers make no system call either.
class writer {
 public:
  using clock = output::clock;

  /// After work the thread rests for so long before it may sleep: a bound on how often pushers have to wake it.
  static constexpr std::chrono::milliseconds rest{10};
  /// How long after stop() a blocked destination may delay the end, and one that is slow.
  static constexpr std::chrono::milliseconds blocked_limit{1'000};
  static constexpr std::chrono::milliseconds slow_limit{5'000};

  /// Throws std::runtime_error naming the output, std::system_error if there is no descriptor.
  writer(const log_config& settings, std::size_t rings);
  ~writer();

  std::size_t ring_count() const noexcept { return rings_.size(); }
  session_ring& ring(std::size_t index) noexcept { return *rings_[index]; }
  bool enabled(log_level level) const noexcept { return level >= level_; }
  /// Thread: any, as dropped().
  void push(message&& value) noexcept;
  std::uint64_t dropped() const noexcept;

  /// The thread's whole life: returns after stop(), with everything written or the time for it spent.
  void run();
  /// Grows with every turn of run(): it stands still if a write hangs in the kernel. Thread: any.
  std::uint64_t turns() const noexcept { return turns_.load(std::memory_order_relaxed); }
  /// Thread: any.
  void stop() noexcept;
  /// The thread hangs in a write: when this returns it will not look at a record again, whose names may then go.
  /// Thread: any.
  void abandon();

 private:
  bool try_to_collect(clock::time_point now);
  bool collect(clock::time_point now);
  bool has_work();
  void take_messages();
  void report_drops(clock::time_point now);
  void report_recovery(clock::time_point now);
  void try_to_complain(clock::time_point now);
  void complain(clock::time_point now);
  void log_session(const session_record& record);
  void log_message(log_level level, std::int64_t wall_us, std::string_view text);
  void wait(int also_writable, std::chrono::milliseconds limit) noexcept;
  void wait_for_work(clock::time_point now);
  bool wait_for_output(output::state state, clock::time_point now);

  const log_level level_;
  output output_;  ///< the log thread's; opened before anything could take the number of a closed stderr
  waker waker_;
  std::vector<std::unique_ptr<session_ring>> rings_;
  message_queue messages_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> turns_{0};
  std::mutex reading_records_;
  bool abandoned_ = false;  ///< under reading_records_

  // The log thread's only, from here on.
  std::unique_ptr<output> stderr_;  ///< for complaints about output_; null if output_ is stderr or there is none
  std::shared_ptr<spdlog::sinks::sink> sink_;
  formatter formatter_;
  std::string line_;
  std::vector<message> taken_;
  std::size_t next_taken_ = 0;
  bool rested_ = false;
  clock::time_point stopped_at_{};  ///< {} before stop()
  std::uint64_t reported_drops_ = 0;
  clock::time_point next_drop_report_{};
  clock::time_point failing_since_{};  ///< {} while the output works
  int failure_ = 0;
  clock::time_point next_complaint_{};
};

}  // namespace sluice::log
