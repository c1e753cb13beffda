#include <cstddef>
#include <vector>

#include "endpoints.hpp"
#include "movers.hpp"
#include "tables.hpp"

namespace sluice::bench::lab {
table file_to_file(const options& wanted) {
  static const std::vector<mover> techniques{{"read + write", by_read_write},
                                             {"mmap + write", by_mmap_write},
                                             {"sendfile", by_sendfile},
                                             {"splice through a pipe", by_splice},
                                             {"copy_file_range", by_copy_file_range}};
  table made{.name = "file_to_file", .title = "File to file", .piece_means = "a call"};
  const unique_fd source = coded_file(wanted.directory, wanted.file_bytes);
  const unique_fd copy = nameless_file(wanted.directory);
  for (const std::size_t piece : {std::size_t{4} << 10, std::size_t{1} << 20}) {
    for (const mover& one : techniques) {
      const auto run = [&](const run_order& order) {
        rewind(source);
        empty(copy);
        const measured cost = measure(order.bytes, [&] { one.move(source.get(), copy.get(), order.bytes, piece); });
        if (order.verify) verify_file(copy, order.bytes);
        return run_result{cost, ""};
      };
      made.rows.push_back(measured_row({.technique = one.name, .group = size_text(piece), .piece_bytes = piece},
                                       wanted.file_bytes, wanted.repeat, run));
    }
  }
  made.remarks.push_back(
      "The source is in the page cache and the copy starts empty. Write-back of what was written is the kernel's own "
      "and "
      "not in the CPU time; it may be in the wall time, except where the files are in memory (`--directory "
      "/dev/shm`).");
  return made;
}

}  // namespace sluice::bench::lab
