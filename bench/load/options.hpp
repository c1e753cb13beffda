#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "meter.hpp"

namespace sluice::bench {

/// `mix` is ping-pong beside bulk-down; `idle` moves one message a connection and then holds them all.
enum class work { bulk_down, bulk_up, bulk_both, ping_pong, short_sessions, mix, idle };
enum class closes_first { client, server };

/// What one run does. Everything is on 127.0.0.1.
struct options {
  work what = work::bulk_down;
  std::size_t connections = 1;     ///< held for the whole run; for short sessions, how many at a time
  std::size_t bulk_beside = 8;     ///< in the mix: connections of bulk-down held as well
  std::size_t message_bytes = 64;  ///< a ping-pong's message, a short session's request and reply; at least 8
  /// Who ends a short session. A client that closes first leaves TIME_WAIT on both connecting ends, and past 14,000
  /// sessions a second what is measured is the kernel's search for a free port, not the relay.
  closes_first closer = closes_first::server;
  double warmup_seconds = 0.2;  ///< work done before counting begins
  double seconds = 1.0;
  std::uint16_t connect_port = 0;  ///< the relay; the same as serve_port means no relay at all
  std::uint16_t serve_port = 0;
  metered meter;  ///< whose CPU time over the counted seconds is reported

  bool is_bulk() const { return what == work::bulk_down || what == work::bulk_up || what == work::bulk_both; }
  /// Connections of bulk alone, which are made before any other.
  std::size_t bulk_connections() const { return is_bulk() ? connections : what == work::mix ? bulk_beside : 0; }
  std::size_t held_connections() const { return is_bulk() ? connections : connections + bulk_connections(); }
};

struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Reads the command line. Throws usage_error, whose text may be shown as it is.
options parse_options(int argc, char** argv);
std::string usage();
const char* name_of(work what);

}  // namespace sluice::bench
