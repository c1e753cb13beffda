#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/wait.hpp"
#include "sys/unique_fd.hpp"

/// Programs that tests start. What goes wrong is thrown.
namespace sluice::support {

enum class output_reader { reads, absent };

/// How a program is started. It inherits no descriptor but the standard streams and those `passed`.
struct launch {
  std::vector<std::string> argv;                ///< the first is the program: a path, or a name looked up in PATH
  std::vector<std::string> environment = {};    ///< NAME=VALUE, over those of this process
  std::optional<std::size_t> descriptors = {};  ///< RLIMIT_NOFILE
  /// Runs as nobody, without groups. Tests that do not run as root are plain users already.
  bool as_plain_user = false;
  std::vector<int> passed = {};  ///< become 3, 4 and so on
  /// With `absent` nobody empties the pipe that the program's output goes to, until process::read_output().
  output_reader output = output_reader::reads;
};

/// Where PATH has a program. Throws a text that names the package if it has not.
std::string require_program(const std::string& name, const std::string& package);

/// A running program, with what it writes to its standard output and standard error. Killed and reaped at the end of
/// its life if it is still there.
class process {
 public:
  explicit process(const launch& how);
  process(const process&) = delete;
  process& operator=(const process&) = delete;
  ~process();

  pid_t pid() const noexcept { return pid_; }
  void signal(int number) const;
  /// Its exit code, 128 + number if a signal ended it; nothing if it still runs when the time is over.
  std::optional<int> wait_exit(std::chrono::milliseconds timeout = patience);
  bool running() { return !wait_exit(std::chrono::milliseconds(0)); }

  /// All it has written so far.
  std::string output() const;
  /// Waits until the text stands in the output.
  bool wait_output(std::string_view text, std::chrono::milliseconds timeout = patience) const;
  /// Waits until it stands there so often; looks at each piece of the output once.
  bool wait_output(std::string_view text, std::size_t times, std::chrono::milliseconds timeout) const;
  /// Begins to read the output, if nobody did.
  void read_output();
  /// After wait_exit(): waits for the rest of the output.
  void finish_output();

 private:
  void collect();

  pid_t pid_ = -1;
  std::optional<int> exit_;
  sys::unique_fd output_;
  sys::unique_fd stop_;
  std::thread reader_;
  mutable std::mutex mutex_;
  mutable std::condition_variable grown_;
  std::string text_;
  bool ended_ = false;
};

struct run_result {
  int code;
  std::string output;
};

/// Runs a program to its end. Throws if that does not come in time.
run_result run(const launch& how, std::chrono::milliseconds timeout = patience);

}  // namespace sluice::support
