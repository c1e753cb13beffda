#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sluice/config.hpp"

#include "log/session_ring.hpp"

namespace sluice::log {

/// The process's log. Traffic never waits for it: workers push plain records into bounded rings of their own, messages
/// go into a bounded queue, and one thread formats and writes them through an spdlog sink. What does not fit is dropped
/// and counted; so is what comes while the destination is blocked or failing, until it works again.
class logger {
 public:
  /// A worker's way in: push() is the only call on the hot path. Thread: its worker's only.
  using ring = session_ring;

  /// rings: how many workers will push. Throws std::runtime_error naming the output if it can't be opened.
  /// The log thread has every signal blocked; signals stay with whoever handles them.
  logger(const log_config& settings, std::size_t rings);
  /// Writes what is queued (for at most one second if the destination is blocked, five if it is slow), then ends the
  /// thread. A write that hangs in the kernel is left behind. Nobody may push any more.
  ~logger();
  logger(const logger&) = delete;
  logger& operator=(const logger&) = delete;

  ring& worker_ring(std::size_t index) noexcept;

  bool enabled(log_level level) const noexcept;
  /// A message of the program itself. Bounded, never blocks; ignored unless enabled(level), cut after 8 KiB.
  /// Thread: any.
  void message(log_level level, std::string text) noexcept;

  /// What every ring has been pushed so far; and whether all of that was formatted, so that nobody looks any more at
  /// the names that those records point to. Thread: any.
  std::vector<std::uint64_t> record_marks() const;
  bool has_written(const std::vector<std::uint64_t>& marks) const noexcept;

  /// Records and messages dropped since start. Thread: any.
  std::uint64_t dropped() const noexcept;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace sluice::log
