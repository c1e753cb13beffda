#pragma once

#include <netinet/tcp.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "support/crowd.hpp"
#include "support/percentile.hpp"

/// What several tests of faults measure alike.
namespace sluice::faults {

/// The 99th percentile of a thousand round trips of the crowd's first client, the least of a few tries: the machine
/// may be busy with something else, which only ever adds. More tries, in reason, while it is above `wanted`: what the
/// program adds itself it adds to each of them.
inline std::chrono::microseconds round_trip_p99(support::crowd& clients,
                                                std::chrono::microseconds wanted = std::chrono::microseconds::max()) {
  using clock = std::chrono::steady_clock;
  auto best = std::chrono::microseconds::max();
  for (int tries = 0; tries < 3 || (best > wanted && tries < 30); ++tries) {
    std::vector<std::chrono::microseconds> took;
    for (int i = 0; i < 1'000; ++i) {
      const auto begun = clock::now();
      clients.exchange_one(0, 10);
      took.push_back(std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - begun));
    }
    best = std::min(best, support::percentile(took, 0.99));
  }
  return best;
}

/// Clients in the queues of the TCP listeners at a port: what /proc/net/tcp shows as unread of a socket that listens.
inline std::size_t waiting_clients(std::uint16_t port) {
  std::ifstream table("/proc/net/tcp");
  std::string line;
  std::getline(table, line);
  std::size_t n = 0;
  while (std::getline(table, line)) {
    unsigned local = 0;
    unsigned state = 0;
    unsigned queued = 0;
    if (std::sscanf(line.c_str(), " %*d: %*x:%x %*x:%*x %x %*x:%x", &local, &state, &queued) == 3 && local == port &&
        state == TCP_LISTEN)
      n += queued;
  }
  return n;
}

/// Raises this process's descriptor limits, the hard one too where it may: what they are then. Programs it starts
/// inherit them.
inline std::size_t allow_descriptors(std::size_t wanted) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit more{std::max<rlim_t>(limit.rlim_max, wanted), std::max<rlim_t>(limit.rlim_max, wanted)};
  if (::setrlimit(RLIMIT_NOFILE, &more) == 0) return static_cast<std::size_t>(more.rlim_cur);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace sluice::faults
