#include <cstdint>
#include <string>

#include <benchmark/benchmark.h>

#include "log/formatter.hpp"
#include "log/session_ring.hpp"
#include "log/waker.hpp"

namespace {

namespace log = sluice::log;

log::session_record ordinary_record(const std::string& service, const std::string& backend) {
  log::session_record record;
  record.id = 1;
  record.wall_us = 1'769'903'999'678'901;
  record.service = &service;
  record.backend = &backend;
  record.client = {log::endpoint::family::ipv4, 40'123, {192, 0, 2, 7}};
  record.local = {log::endpoint::family::ipv4, 8'080, {192, 0, 2, 1}};
  record.backend_address = {log::endpoint::family::ipv4, 5'432, {198, 51, 100, 5}};
  record.attempts = 1;
  record.connect_ns = 321'000;
  record.duration_ns = 1'234'567'000;
  record.bytes_received = 1'000;
  record.bytes_sent = record.bytes_spliced = 20'000;
  return record;
}

const std::string service = "web";
const std::string backend = "db.internal:5432";

/// What the log thread pays for a session.
void format_record(benchmark::State& state) {
  log::formatter lines(state.range(0) == 0 ? log::formatter::style::text : log::formatter::style::json);
  log::session_record record = ordinary_record(service, backend);
  std::string out;
  for (auto _ : state) {
    record.wall_us += 100;  // ten thousand sessions a second
    lines.session(record, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetLabel(state.range(0) == 0 ? "text" : "json");
}

/// What a worker pays for it, the log thread awake.
void push_and_pop_record(benchmark::State& state) {
  log::waker wakes;
  log::session_ring ring(wakes, true);
  const log::session_record record = ordinary_record(service, backend);
  for (auto _ : state) {
    benchmark::DoNotOptimize(ring.push(record));
    benchmark::DoNotOptimize(ring.front());
    ring.pop();
  }
}

BENCHMARK(format_record)->Arg(0)->Arg(1);
BENCHMARK(push_and_pop_record);

}  // namespace
