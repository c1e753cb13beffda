#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::log {

/// Where lines go: stderr, stdout or a file. Never waits: whoever calls waits for the descriptor or for a time.
///
/// Standard streams are shared with other processes, so their flags stay as they are: a pipe or a terminal is opened
/// again by way of /proc, which gives it flags of our own, and a socket is written with MSG_DONTWAIT. Where opening
/// again is not permitted, every write is small and comes after a poll; it can then block only if somebody else filled
/// the pipe in between. A file is opened again when it was moved or deleted, and after an error.
///
/// Thread: one at a time.
class output {
 public:
  using clock = std::chrono::steady_clock;

  enum class state {
    done,     ///< nothing is left to write
    blocked,  ///< call write() again when descriptor() is writable
    failed,   ///< call write() again at retry_at()
  };

  static constexpr std::size_t batch_bytes = 64 * 1024;
  static constexpr std::chrono::seconds retry_interval{1};

  /// where: "stderr", "stdout" or a path. Throws std::runtime_error that names it; for a path it is a startup_error
  /// with the exit code.
  explicit output(std::string where);
  ~output();
  output(const output&) = delete;
  output& operator=(const output&) = delete;

  /// Keeps a line (without its newline) for the next write(). priority: syslog's number, put before it if the journal
  /// reads.
  void append(int priority, std::string_view line);
  bool full() const noexcept { return pending_.size() >= batch_bytes; }
  bool empty() const noexcept { return pending_.empty(); }
  /// Forgets what was not written.
  void discard() noexcept;

  /// Writes as much as goes without waiting. After a failure it does nothing before retry_at().
  state write(clock::time_point now);

  const std::string& name() const noexcept { return name_; }
  int descriptor() const noexcept { return fd_; }
  bool is_terminal() const noexcept { return terminal_; }
  int error() const noexcept { return error_; }  ///< errno of the failure that lasts, 0 if there is none
  clock::time_point retry_at() const noexcept { return retry_at_; }
  void retry_now() noexcept { retry_at_ = {}; }

 private:
  enum class way { plain, poll_first, send };

  void adopt_stream(int stream);
  int open_file() noexcept;  ///< 0 or errno; the old descriptor stays on error
  bool file_moved() const noexcept;
  bool is_cut_off() const noexcept;
  int refresh_file(clock::time_point now) noexcept;
  std::size_t next_length() const noexcept;
  long write_once(std::size_t length) noexcept;

  std::string name_;
  bool file_ = false;  ///< name_ is a path
  bool terminal_ = false;
  bool journal_ = false;
  bool regular_ = false;
  int fd_ = -1;
  way way_ = way::plain;

  std::string pending_;
  std::size_t written_ = 0;  ///< of pending_
  int error_ = 0;
  clock::time_point retry_at_{};
  clock::time_point file_checked_{};
};

}  // namespace sluice::log
