#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "endpoints.hpp"
#include "far_ends.hpp"
#include "movers.hpp"
#include "relays.hpp"
#include "tables.hpp"

namespace sluice::bench::lab {
namespace {

constexpr std::uint64_t most_messages = 20'000;

struct family {
  std::string name;
  stream_pair (*connect)();
};

run_result run_once(const mover& technique, const family& over, std::size_t message, const run_order& order) {
  const stream_pair client = over.connect();
  const stream_pair backend = over.connect();
  messenger both_ends(client.theirs, backend.theirs, message, order.bytes, order.verify);
  const std::size_t room = std::max(message, default_pipe_bytes);
  const measured cost =
      measure(order.bytes, [&] { technique.move(client.ours.get(), backend.ours.get(), order.bytes, room); });
  both_ends.finish();
  return {cost, ""};
}

}  // namespace

table message_sizes(const options& wanted) {
  static const std::vector<family> families{{"TCP", tcp_pair}, {"unix", unix_pair}};
  static const std::vector<mover> techniques{{"read + write", by_read_write},
                                             {"splice, pooled pipe", relay_with_a_pool}};
  table made{
      .name = "message_sizes", .title = "Messages by size, over TCP and unix sockets", .piece_means = "a message"};
  for (const family& over : families) {
    for (const std::size_t kib : {1, 4, 16, 64, 256, 1024}) {
      const std::size_t message = kib * 1024;
      const std::uint64_t bytes = std::min<std::uint64_t>(wanted.socket_bytes, most_messages * message);
      for (const mover& technique : techniques) {
        const auto run = [&](const run_order& order) { return run_once(technique, over, message, order); };
        made.rows.push_back(measured_row({.technique = over.name + ": " + technique.name,
                                          .group = over.name + " " + size_text(message),
                                          .piece_bytes = message},
                                         bytes, wanted.repeat, run));
      }
    }
  }
  made.remarks.push_back(
      "One thread relays; a message is sent when the one before has arrived, at most 20,000 of a size. Buffer and pipe "
      "hold a message, and at least 64 KiB. CPU time includes going to sleep for each message.");
  return made;
}

}  // namespace sluice::bench::lab
