// bench_load: both ends of the traffic for a relay under measurement, cheap enough to leave the relay the bottleneck.
// The server end and the client end are a thread each; this thread keeps the time and reads the counters.

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "clocks.hpp"
#include "crew.hpp"
#include "options.hpp"

namespace {

using namespace sluice::bench;

constexpr auto patience = std::chrono::seconds(30);

struct reading {
  std::uint64_t at_ns = 0;
  std::uint64_t relay_ns = 0;
  std::uint64_t load_ns = 0;
  std::uint64_t bytes = 0;
  std::uint64_t round_trips = 0;
  std::uint64_t sessions = 0;
  std::uint64_t errors = 0;
};

struct crews {
  explicit crews(const options& wanted, const std::atomic<phase>& now)
      : beside(wanted, now), server(wanted, now, beside), client(wanted, now, server.done(), beside) {}

  bulk_crew beside;
  server_crew server;
  client_crew client;
};

reading read_all(const options& wanted, const cpu_meter& meter, const crews& all) {
  const auto& [beside, server, client] = all;
  reading now;
  now.relay_ns = meter.read_ns();
  now.load_ns = nanoseconds_of(CLOCK_PROCESS_CPUTIME_ID);
  now.bytes =
      client.done().bytes.read() + (wanted.is_bulk() ? server.done().bytes.read() : 0) + beside.done().bytes.read();
  now.round_trips = client.done().round_trips.read();
  now.sessions = client.done().sessions.read();
  // The client end sees every break of its own; the server end also those of strays from before this run.
  now.errors = client.done().errors.read() + beside.done().errors.read();
  now.at_ns = now_ns();
  return now;
}

void raise_descriptor_limit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

/// Held connections must be through the relay before anything is counted, and where messages go there and back as many
/// of these, too. Short sessions are their own warm-up.
bool all_through(const options& wanted, const crews& all) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const auto missing = [&] {
    const bool exchanges = !wanted.is_bulk() && wanted.what != work::short_sessions;
    return all.server.done().opened.read() < wanted.held_connections() ||
           (exchanges && all.client.done().round_trips.read() < wanted.connections);
  };
  while (missing()) {
    if (all.client.done().errors.read() + all.beside.done().errors.read() != 0 ||
        std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// Says that the idle connections stand and waits until whoever looks at the relay has seen enough.
void hold() {
  std::puts("held");
  std::fflush(stdout);
  char nothing_expected = 0;
  while (read(STDIN_FILENO, &nothing_expected, 1) > 0) {
  }
}

void print(const options& wanted, const reading& from, const reading& to, const reading& last,
           const histogram& latencies) {
  const auto seconds = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e9; };
  const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "{\"work\":\"%s\",\"connections\":%zu,\"message_bytes\":%zu,\"wall_seconds\":%.6f,\"bytes\":%llu,"
      "\"round_trips\":%llu,\"sessions\":%llu,\"errors\":%llu,\"relay_cpu_seconds\":%.9f,\"load_cpu_seconds\":%.9f,"
      "\"latency_us\":{\"count\":%llu,\"p50\":%.2f,\"p99\":%.2f,\"p999\":%.2f,\"max\":%.2f},"
      "\"whole_run\":{\"bytes\":%llu,\"round_trips\":%llu,\"sessions\":%llu}}\n",
      name_of(wanted.what), wanted.connections, wanted.message_bytes, seconds(to.at_ns - from.at_ns),
      number(to.bytes - from.bytes), number(to.round_trips - from.round_trips), number(to.sessions - from.sessions),
      number(to.errors), seconds(to.relay_ns - from.relay_ns), seconds(to.load_ns - from.load_ns),
      number(latencies.count()), latencies.quantile_us(0.50), latencies.quantile_us(0.99), latencies.quantile_us(0.999),
      latencies.largest_us(), number(last.bytes), number(last.round_trips), number(last.sessions));
}

/// Ends both crews however its scope is left, so that joining them cannot hang.
struct stop_at_exit {
  std::atomic<phase>& now;
  ~stop_at_exit() { now = phase::stopping; }
};

int measure(const options& wanted) {
  raise_descriptor_limit();
  const cpu_meter meter(wanted.meter);
  std::atomic<phase> now{phase::warming};
  crews all(wanted, now);
  const std::array<crew*, 3> each{&all.server, &all.client, &all.beside};
  reading from;
  reading to;
  bool through = false;
  {
    std::vector<std::jthread> threads;
    for (crew* one : each) {
      if (one != &all.beside || wanted.what == work::mix) threads.emplace_back([one] { one->run(); });
    }
    const stop_at_exit stop{now};
    through = all_through(wanted, all);
    if (through) {
      std::this_thread::sleep_for(std::chrono::duration<double>(wanted.warmup_seconds));
      from = read_all(wanted, meter, all);
      now = phase::counting;
      if (wanted.what == work::idle) {
        hold();
      } else {
        std::this_thread::sleep_for(std::chrono::duration<double>(wanted.seconds));
      }
      to = read_all(wanted, meter, all);
    }
  }
  const reading last = read_all(wanted, meter, all);
  for (const crew* one : each) {
    if (!one->failure().empty()) std::fprintf(stderr, "bench_load: %s\n", one->failure().c_str());
  }
  if (!through) {
    std::fprintf(stderr, "bench_load: of %zu connections %llu came through the relay, and %llu broke\n",
                 wanted.held_connections(), static_cast<unsigned long long>(all.server.done().opened.read()),
                 static_cast<unsigned long long>(last.errors));
    return 1;
  }
  print(wanted, from, to, last, all.client.latencies());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return measure(parse_options(argc, argv));
  } catch (const usage_error& error) {
    std::fprintf(stderr, "bench_load: %s\n%s", error.what(), usage().c_str());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_load: %s\n", error.what());
    return 1;
  }
}
