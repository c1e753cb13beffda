#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "log/record.hpp"
#include "sluice/config.hpp"

namespace sluice::log {

/// The process's log. Traffic never waits for it: workers push plain records into bounded rings of their own, messages
/// go into a bounded queue, and one thread formats and writes them through spdlog's sinks. What does not fit is
/// dropped and counted.
class logger {
 public:
  /// A worker's way in. Thread: its worker's only.
  class ring {
   public:
    /// Copies the record; false (and counted) if the ring is full. No lock, no allocation, and a system call only
    /// when the log thread has to be woken.
    bool push(const session_record& record) noexcept;
  };

  /// rings: how many workers will push. Throws std::runtime_error naming the output if it can't be opened.
  logger(const log_config& settings, std::size_t rings);
  ~logger();  ///< writes what is queued (for at most one second if the destination is blocked), then stops the thread
  logger(const logger&) = delete;
  logger& operator=(const logger&) = delete;

  ring& worker_ring(std::size_t index) noexcept;

  bool enabled(log_level level) const noexcept;
  /// A message of the program itself. Bounded, never blocks. Thread: any.
  void message(log_level level, std::string text) noexcept;

  /// Records and messages dropped since start. Thread: any.
  std::uint64_t dropped() const noexcept;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace sluice::log
