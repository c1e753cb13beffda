#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "history/history.hpp"

#include "support/byte_stream.hpp"
#include "support/catch.hpp"
#include "support/echo_server.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/many_runs.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"

using namespace sluice;
using namespace sluice::support;
using history::client_host;
using history::client_number;
using history::first_client;

namespace {

/// What client `n` does, so that its record can be held against it.
struct short_visit {
  std::size_t bytes;
  bool resets;
};

short_visit visit_of(std::uint32_t n) {
  std::minstd_rand random(n + 1);
  random.discard(3);
  // One that resets without a byte may be gone before its backend has it: the handshake ends with the first bytes.
  return {1 + random() % 3'000, random() % 10 == 0};
}

void visit(const sys::socket_address& front, std::uint32_t n) {
  const short_visit does = visit_of(n);
  const auto sent = byte_stream(n).bytes(0, does.bytes);
  sys::unique_fd client = connect_from(*sys::socket_address::from_literal(client_host(first_client + n), 0), front);
  send_all(client.get(), sent);
  if (receive_exactly(client.get(), does.bytes) != sent) throw std::runtime_error("other bytes came back");
  if (does.resets) {
    reset(std::move(client));
    return;
  }
  ::shutdown(client.get(), SHUT_WR);
  if (!receive_until_eof(client.get()).empty()) throw std::runtime_error("more came back than was sent");
}

}  // namespace

// FAULTS.md L10 and L12.
TEST_CASE("faults: after 64,000 short connections log, counters and peers agree, and memory is as before",
          "[faults][L10][L12]") {
  const fd_baseline descriptors;
  const auto n = static_cast<std::uint32_t>(scaled(64'000));
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + backend.address()}});
  const auto burst = [&](std::uint32_t from, std::uint32_t to) {
    many_runs(to - from, 8, [&](std::size_t i) { visit(parse_address(front), from + static_cast<std::uint32_t>(i)); });
  };
  // The first thousand fill caches and pools: what they need is there to stay.
  const std::uint32_t warm = n / 64;
  burst(0, warm);
  sluice.wait_sessions(warm);
  CHECK(sluice.wait_at_rest(slowness * patience));
  const std::size_t memory_before = memory_of(sluice.pid());
  burst(warm, n);

  const auto records = sluice.wait_sessions(n);
  CHECK(records.size() == n);
  std::uint64_t bytes = 0;
  std::vector<std::uint8_t> seen(n);
  std::size_t wrong = 0;
  for (const session_record& record : records) {
    const auto number = client_number(record.client);
    if (!number || *number >= first_client + n || seen[*number - first_client]++ != 0) {
      ++wrong;
      continue;
    }
    const short_visit did = visit_of(*number - first_client);
    if (record.received != did.bytes || record.sent != did.bytes ||
        record.reason != (did.resets ? "client_reset" : "client_fin") ||
        record.spliced + record.copied != 2 * did.bytes)
      ++wrong;
    bytes += did.bytes;
  }
  CHECK(wrong == 0);
  CHECK(backend.accepted() == n);

  CHECK(sluice.wait_at_rest(slowness * patience));
  const descriptor_count now = descriptors_of(sluice.pid());
  CHECK(now.sockets == sluice.descriptors_at_start().sockets);
  CHECK(now.others == sluice.descriptors_at_start().others);
  const std::size_t memory = memory_of(sluice.pid());
  INFO("memory " << memory_before << " -> " << memory);
  // A sanitizer keeps what is freed.
  if (slowness == 1) CHECK(memory <= memory_before + memory_before / 10);
  sluice.check_clean_end();
  CHECK(sluice.final_count("sessions").value_or(0) == n);
  CHECK(sluice.final_count("received").value_or(0) == bytes);
  CHECK(sluice.final_count("sent").value_or(0) == bytes);
  CHECK(sluice.final_count("spliced").value_or(0) + sluice.final_count("copied").value_or(0) == 2 * bytes);
  CHECK(sluice.final_count("log_dropped").value_or(1) == 0);
  figure("L10", std::to_string(n) + " connections, " + std::to_string(wrong) + " records that differ");
  figure("L12", "memory " + std::to_string(100 * memory / memory_before) + " % of before, descriptors exact");
}
