#pragma once

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <string>

#include "support/process.hpp"
#include "support/temporary_directory.hpp"

namespace sluice::support {

/// Counts the system calls that a process makes, all its threads, from its construction until read(): strace -c.
class call_counter {
 public:
  /// Throws if strace cannot attach.
  explicit call_counter(pid_t counted);

  /// Calls by name. Ends the counting; once only.
  std::map<std::string, std::size_t> read();

 private:
  temporary_directory files_;
  process tracer_;
};

}  // namespace sluice::support
