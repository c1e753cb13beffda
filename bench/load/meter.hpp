#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

namespace sluice::bench {

/// Whose CPU time is reported: the sum of what is named here.
struct metered {
  std::vector<pid_t> processes;    ///< each alone, to the nanosecond
  std::vector<pid_t> families;     ///< each with its descendants, living ones and those that were waited for
  std::vector<std::string> files;  ///< cpuacct.usage of a cgroup of version 1 or cpu.stat of version 2
};

/// Reads CPU time. Named processes must outlive the meter: the constructor and read_ns() throw std::runtime_error when
/// one is gone or a file cannot be read. A family's ended members are known to the kernel's tick of 10 ms, a cgroup's
/// running ones to a scheduler tick.
class cpu_meter {
 public:
  explicit cpu_meter(const metered& whom);
  std::uint64_t read_ns() const;

 private:
  std::vector<clockid_t> clocks_;
  std::vector<pid_t> families_;
  std::vector<std::string> files_;
};

}  // namespace sluice::bench
