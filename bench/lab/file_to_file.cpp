#include <algorithm>
#include <array>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "calls.hpp"
#include "endpoints.hpp"
#include "tables.hpp"

namespace sluice::bench::lab {
namespace {

using mover = std::function<void(int from, int into, std::uint64_t bytes, std::size_t piece)>;

std::size_t at_most(std::size_t piece, std::uint64_t left) {
  return static_cast<std::size_t>(std::min<std::uint64_t>(piece, left));
}

void by_read_write(int from, int into, std::uint64_t bytes, std::size_t piece) {
  std::vector<std::byte> buffer(piece);
  while (bytes > 0) {
    const std::size_t got = calls::read(from, std::span(buffer).first(at_most(piece, bytes)));
    write_all(into, std::span(buffer).first(got));
    bytes -= got;
  }
}

void by_mmap_write(int from, int into, std::uint64_t bytes, std::size_t piece) {
  const mapping file(from, bytes);
  for (std::span<const std::byte> left = file.bytes(); !left.empty();) {
    const auto next = left.first(std::min(piece, left.size()));
    write_all(into, next);
    left = left.subspan(next.size());
  }
}

void by_sendfile(int from, int into, std::uint64_t bytes, std::size_t piece) {
  while (bytes > 0) bytes -= calls::sendfile(from, into, at_most(piece, bytes));
}

void by_splice(int from, int into, std::uint64_t bytes, std::size_t piece) {
  const pipe_ends pipe = make_pipe(std::max(piece, default_pipe_bytes));
  while (bytes > 0) {
    const std::size_t got = calls::splice(from, pipe.in.get(), at_most(piece, bytes));
    splice_all(pipe, into, got);
    bytes -= got;
  }
}

void by_copy_file_range(int from, int into, std::uint64_t bytes, std::size_t piece) {
  while (bytes > 0) bytes -= calls::copy_file_range(from, into, at_most(piece, bytes));
}

}  // namespace

table file_to_file(const options& wanted) {
  static const std::vector<std::pair<std::string, mover>> techniques{{"read + write", by_read_write},
                                                                     {"mmap + write", by_mmap_write},
                                                                     {"sendfile", by_sendfile},
                                                                     {"splice through a pipe", by_splice},
                                                                     {"copy_file_range", by_copy_file_range}};
  table made{.name = "file_to_file", .title = "File to file", .piece_means = "a call"};
  const unique_fd source = coded_file(wanted.directory, wanted.file_bytes);
  const unique_fd copy = nameless_file(wanted.directory);
  for (const std::size_t piece : {std::size_t{4} << 10, std::size_t{1} << 20}) {
    for (const auto& [name, move] : techniques) {
      const auto run = [&](const run_order& order) {
        rewind(source);
        empty(copy);
        const measured cost = measure(order.bytes, [&] { move(source.get(), copy.get(), order.bytes, piece); });
        if (order.verify) verify_file(copy, order.bytes);
        return run_result{cost, ""};
      };
      made.rows.push_back(measured_row({.technique = name, .group = size_text(piece), .piece_bytes = piece},
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
