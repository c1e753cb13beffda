#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "endpoints.hpp"
#include "far_ends.hpp"
#include "movers.hpp"
#include "tables.hpp"

namespace sluice::bench::lab {
namespace {

using doubler = void (*)(int from, int one, int other, std::uint64_t bytes, std::size_t piece);

void by_read_and_two_writes(int from, int one, int other, std::uint64_t bytes, std::size_t piece) {
  std::vector<std::byte> buffer(piece);
  while (bytes > 0) {
    const auto got = std::span(buffer).first(calls::read(from, std::span(buffer).first(at_most(piece, bytes))));
    write_all(one, got);
    write_all(other, got);
    bytes -= got.size();
  }
}

/// A tee copies from the pipe's front, so what it did not take stays in front only until the first pipe moves on: it is
/// asked again for each part before that part leaves.
void by_tee(int from, int one, int other, std::uint64_t bytes, std::size_t piece) {
  const pipe_ends first = make_pipe(piece);
  const pipe_ends second = make_pipe(piece);
  while (bytes > 0) {
    std::size_t left = calls::splice(from, first.in.get(), at_most(piece, bytes));
    bytes -= left;
    while (left > 0) {
      const std::size_t doubled = calls::tee(first.out.get(), second.in.get(), left);
      splice_all(first, one, doubled);
      splice_all(second, other, doubled);
      left -= doubled;
    }
  }
}

run_result run_once(doubler technique, std::size_t piece, const run_order& order) {
  const stream_pair client = tcp_pair();
  const stream_pair one = tcp_pair();
  const stream_pair other = tcp_pair();
  taker one_taken(one.theirs, order.verify);
  taker other_taken(other.theirs, order.verify);
  const giver given(client.theirs, order.bytes);
  const measured cost =
      measure(order.bytes, [&] { technique(client.ours.get(), one.ours.get(), other.ours.get(), order.bytes, piece); });
  one_taken.finish(one.ours, order.bytes);
  other_taken.finish(other.ours, order.bytes);
  return {cost, ""};
}

}  // namespace

table one_to_two(const options& wanted) {
  static const std::vector<std::pair<std::string, doubler>> techniques{{"read + two writes", by_read_and_two_writes},
                                                                       {"tee + two splices", by_tee}};
  table made{.name = "one_to_two", .title = "One TCP socket to two", .piece_means = "buffer or pipe"};
  for (const std::size_t kib : {64, 256, 1024}) {
    for (const auto& [name, technique] : techniques) {
      const std::size_t piece = kib * 1024;
      const auto run = [&, how = technique](const run_order& order) { return run_once(how, piece, order); };
      made.rows.push_back(measured_row({.technique = name, .group = size_text(piece), .piece_bytes = piece},
                                       wanted.socket_bytes, wanted.repeat, run));
    }
  }
  made.remarks.push_back("Bytes are counted once, where they come in.");
  return made;
}

}  // namespace sluice::bench::lab
