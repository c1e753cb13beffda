#include <cstddef>
#include <vector>

#include "endpoints.hpp"
#include "far_ends.hpp"
#include "movers.hpp"
#include "tables.hpp"
#include "truncated_map.hpp"

namespace sluice::bench::lab {

table file_to_socket(const options& wanted) {
  static const std::vector<mover> techniques{{"read + write", by_read_write},
                                             {"mmap + write", by_mmap_write},
                                             {"sendfile", by_sendfile},
                                             {"splice through a pipe", by_splice}};
  table made{.name = "file_to_socket", .title = "File to TCP socket", .piece_means = "a call"};
  made.remarks = what_truncation_does(wanted.directory);
  const unique_fd source = coded_file(wanted.directory, wanted.file_bytes);
  for (const std::size_t piece : {std::size_t{4} << 10, std::size_t{1} << 20}) {
    for (const mover& one : techniques) {
      const auto run = [&](const run_order& order) {
        rewind(source);
        const stream_pair pair = tcp_pair();
        taker taken(pair.theirs, order.verify);
        const measured cost =
            measure(order.bytes, [&] { one.move(source.get(), pair.ours.get(), order.bytes, piece); });
        taken.finish(pair.ours, order.bytes);
        return run_result{cost, ""};
      };
      made.rows.push_back(measured_row({.technique = one.name, .group = size_text(piece), .piece_bytes = piece},
                                       wanted.file_bytes, wanted.repeat, run));
    }
  }
  return made;
}

}  // namespace sluice::bench::lab
