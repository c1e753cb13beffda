#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluice::bench {

enum class work { bulk_down, bulk_up, bulk_both, ping_pong, short_sessions };
enum class closes_first { client, server };

/// What one run does. Everything is on 127.0.0.1.
struct options {
  work what = work::bulk_down;
  std::size_t connections = 1;     ///< held for the whole run; for short sessions, how many at a time
  std::size_t message_bytes = 64;  ///< a ping-pong's message, a short session's request and reply; at least 8
  /// Who ends a short session. A client that closes first leaves TIME_WAIT on both connecting ends, and past 14,000
  /// sessions a second what is measured is the kernel's search for a free port, not the relay.
  closes_first closer = closes_first::server;
  double warmup_seconds = 0.2;  ///< work done before counting begins
  double seconds = 1.0;
  std::uint16_t connect_port = 0;  ///< the relay; the same as serve_port means no relay at all
  std::uint16_t serve_port = 0;
  std::vector<pid_t> metered;  ///< processes whose CPU time over the counted seconds is reported
};

struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Reads the command line. Throws usage_error, whose text may be shown as it is.
options parse_options(int argc, char** argv);
std::string usage();
const char* name_of(work what);

}  // namespace sluice::bench
