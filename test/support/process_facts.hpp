#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>

/// What /proc says of another process. What can't be read is thrown.
namespace sluice::support {

struct descriptor_count {
  std::size_t sockets = 0;  ///< without those of messages to a service manager, which come and go
  std::size_t pipe_ends = 0;
  std::size_t others = 0;
};

descriptor_count descriptors_of(pid_t pid);

/// Pipes of the process, and the bytes in them. Those that are its standard streams do not count.
struct pipe_count {
  std::size_t pipes = 0;
  std::size_t bytes = 0;
};

pipe_count pipes_of(pid_t pid);

/// Whether a thread of it runs, or would if it had a processor.
bool is_running(pid_t pid);

/// User and system time of all its threads.
std::chrono::milliseconds cpu_time_of(pid_t pid);

/// Memory that would be free if it were not there: its share of what no file backs. The file pages that it shares with
/// other programs change as those come and go.
std::size_t memory_of(pid_t pid);

/// Percentage of one processor that the process used during a span of time.
double cpu_percent_during(pid_t pid, std::chrono::milliseconds span);

}  // namespace sluice::support
