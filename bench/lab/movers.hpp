#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "calls.hpp"

/// The ways to move a known number of bytes from one descriptor to another, `piece` bytes a call at most.
namespace sluice::bench::lab {

inline std::size_t at_most(std::size_t piece, std::uint64_t left) {
  return static_cast<std::size_t>(std::min<std::uint64_t>(piece, left));
}

inline void by_read_write(int from, int into, std::uint64_t bytes, std::size_t piece) {
  std::vector<std::byte> buffer(piece);
  while (bytes > 0) {
    const std::size_t got = calls::read(from, std::span(buffer).first(at_most(piece, bytes)));
    write_all(into, std::span(buffer).first(got));
    bytes -= got;
  }
}

/// Of a file.
inline void by_mmap_write(int from, int into, std::uint64_t bytes, std::size_t piece) {
  const mapping file(from, bytes);
  for (std::span<const std::byte> left = file.bytes(); !left.empty();) {
    const auto next = left.first(std::min(piece, left.size()));
    write_all(into, next);
    left = left.subspan(next.size());
  }
}

/// Of a file.
inline void by_sendfile(int from, int into, std::uint64_t bytes, std::size_t piece) {
  while (bytes > 0) bytes -= calls::sendfile(from, into, at_most(piece, bytes));
}

/// Through a pipe that holds a piece, made once.
inline void by_splice(int from, int into, std::uint64_t bytes, std::size_t piece) {
  const pipe_ends pipe = make_pipe(std::max(piece, default_pipe_bytes));
  while (bytes > 0) {
    const std::size_t got = calls::splice(from, pipe.in.get(), at_most(piece, bytes));
    splice_all(pipe, into, got);
    bytes -= got;
  }
}

/// Between files.
inline void by_copy_file_range(int from, int into, std::uint64_t bytes, std::size_t piece) {
  while (bytes > 0) bytes -= calls::copy_file_range(from, into, at_most(piece, bytes));
}

struct mover {
  std::string name;
  std::function<void(int from, int into, std::uint64_t bytes, std::size_t piece)> move;
};

}  // namespace sluice::bench::lab
