#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "support/process.hpp"
#include "support/process_facts.hpp"
#include "support/temporary_directory.hpp"
#include "sys/unique_fd.hpp"

namespace sluice::support {

/// How often a test does something, given how often it is to do so in CI: SLUICE_E2E_SCALE multiplies (0.1 for a
/// glance, 20 for a night); sanitizers divide. At least 1.
std::size_t scaled(std::size_t in_ci);

/// The access record of one session (docs/operations.md).
struct session_record {
  std::string service, client, local, backend, backend_address, path, reason, error;
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::uint64_t spliced = 0;
  std::uint64_t copied = 0;
  std::uint64_t attempts = 0;
  double duration_s = 0;
};

/// The access records among the lines that the program wrote. Throws at a line that is not JSON.
std::vector<session_record> session_records(const std::string& output);

/// Socket activation as a service manager does it. What is set here stands in the environment as it is.
struct activation {
  std::vector<int> descriptors;
  std::optional<std::string> names = {};
  std::optional<std::string> count = {};  ///< else the number of descriptors
  std::optional<std::string> pid = {};    ///< else the program's
};

struct sluice_launch {
  std::vector<std::string> arguments = {};
  std::string toml = {};  ///< written to a file and given by -c
  std::vector<std::string> environment = {};
  std::optional<std::size_t> descriptors = {};
  bool as_plain_user = false;
  output_reader output = output_reader::reads;
  /// System calls that fail, as strace's inject= takes it: "splice:error=EAGAIN:when=5+7". The process itself is still
  /// the child; strace stands aside.
  std::vector<std::string> inject = {};
  /// The same, but only from when the program is ready, so that its start is spared. Slower.
  std::vector<std::string> inject_when_ready = {};
  std::optional<std::chrono::microseconds> watchdog = {};
  std::optional<activation> passed = {};
  /// Commands of a shell that then becomes the program, in the same process.
  std::string before_exec = {};
  /// Words that the program and its arguments are put behind: of a program that ends in executing them.
  std::vector<std::string> within = {};
};

/// The built program, running. It was told to be ready by its notification, as systemd would be.
class sluice_process {
 public:
  /// Throws, with what the program said, if it does not become ready.
  explicit sluice_process(const sluice_launch& how);

  pid_t pid() const noexcept { return process_.pid(); }
  process& program() noexcept { return process_; }
  std::string output() const { return process_.output(); }
  void signal(int number) const { process_.signal(number); }

  /// Waits until so many access records are there, and gives them all.
  std::vector<session_record> wait_sessions(std::size_t n) const;
  /// Waits for a notification that contains the text. READY was consumed by the constructor.
  bool wait_notification(std::string_view text, std::chrono::milliseconds timeout = patience);
  /// Waits until it has no more sockets than when it was ready, and no other descriptors but its cached pipes.
  bool wait_at_rest(std::chrono::milliseconds timeout = std::chrono::seconds(slowness));

  /// What every test demands at its end: the descriptors are those of the start, no pipe holds a byte; SIGTERM ends it
  /// with code 0; no edge was lost and no pipe is lent.
  void check_clean_end();
  /// SIGTERM; its exit code, or nothing if it does not end.
  std::optional<int> stop(std::chrono::milliseconds timeout = patience);
  /// A counter of the last message, once it has ended: "lost_edges", "fallbacks" ...
  std::optional<std::uint64_t> final_count(const std::string& name) const;

  const descriptor_count& descriptors_at_start() const noexcept { return at_start_; }

 private:
  bool wait_at_rest(descriptor_count& seen, pipe_count& pipes, std::chrono::milliseconds timeout);

  temporary_directory files_;
  sys::unique_fd notifications_;
  process process_;
  std::optional<process> tracer_;
  descriptor_count at_start_;
};

/// The path of the built program, or what SLUICE_BIN names.
std::string sluice_program();

/// Runs sluice to its end: for starts that fail, and for verbs that print.
run_result run_sluice(const sluice_launch& how);

}  // namespace sluice::support
