#include <cstddef>
#include <vector>

#include "endpoints.hpp"
#include "far_ends.hpp"
#include "movers.hpp"
#include "relays.hpp"
#include "tables.hpp"

namespace sluice::bench::lab {
namespace {

run_result run_once(const mover& technique, std::size_t piece, const run_order& order) {
  const stream_pair client = tcp_pair();
  const stream_pair backend = tcp_pair();
  taker taken(backend.theirs, order.verify);
  const giver given(client.theirs, order.bytes);
  const measured cost =
      measure(order.bytes, [&] { technique.move(client.ours.get(), backend.ours.get(), order.bytes, piece); });
  taken.finish(backend.ours, order.bytes);
  return {cost, ""};
}

}  // namespace

table socket_to_socket(const options& wanted) {
  const mover copying{"read + write", by_read_write};
  const mover wasteful{"splice, a pipe a call", relay_with_a_pipe_a_call};
  const mover pooled{"splice, pooled pipe", relay_with_a_pool};
  constexpr std::size_t kib = 1024;
  struct line {
    const mover& technique;
    std::size_t piece;
  };
  const std::vector<line> lines{
      {copying, 64 * kib}, {copying, 16 * kib}, {copying, 1024 * kib}, {wasteful, 64 * kib}, {wasteful, 1024 * kib},
      {pooled, 64 * kib},  {pooled, 128 * kib}, {pooled, 256 * kib},   {pooled, 512 * kib},  {pooled, 1024 * kib}};
  table made{.name = "socket_to_socket", .title = "TCP socket to TCP socket", .piece_means = "buffer or pipe"};
  for (const auto& [technique, piece] : lines) {
    made.rows.push_back(measured_row(
        {.technique = technique.name, .group = "", .piece_bytes = piece}, wanted.socket_bytes, wanted.repeat,
        [&, size = piece, &how = technique](const run_order& order) { return run_once(how, size, order); }));
  }
  return made;
}

}  // namespace sluice::bench::lab
