#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "calls.hpp"

/// The ways to relay a stream of known length from one socket to another.
namespace sluice::bench::lab {

/// Lends out pipes, makes one where it has none.
class pipe_shelf {
 public:
  explicit pipe_shelf(std::size_t capacity) : capacity_(capacity) {}

  pipe_ends borrow() {
    if (free_.empty()) return make_pipe(capacity_);
    pipe_ends last = std::move(free_.back());
    free_.pop_back();
    return last;
  }
  void give_back(pipe_ends pipe) { free_.push_back(std::move(pipe)); }

 private:
  std::size_t capacity_;
  std::vector<pipe_ends> free_;
};

/// One fill, emptied at once. Says how many bytes that was.
inline std::size_t relay_through(const pipe_ends& pipe, int from, int into, std::uint64_t left) {
  const std::size_t got =
      calls::splice(from, pipe.in.get(), static_cast<std::size_t>(std::min<std::uint64_t>(pipe.capacity, left)));
  splice_all(pipe, into, got);
  return got;
}

inline void relay_with_a_pipe_a_call(int from, int into, std::uint64_t bytes, std::size_t capacity) {
  while (bytes > 0) {
    pipe_ends pipe = make_pipe(capacity);
    bytes -= relay_through(pipe, from, into, bytes);
    calls::close(pipe.in);
    calls::close(pipe.out);
  }
}

inline void relay_with_a_pool(int from, int into, std::uint64_t bytes, std::size_t capacity) {
  pipe_shelf shelf(capacity);
  while (bytes > 0) {
    pipe_ends pipe = shelf.borrow();
    bytes -= relay_through(pipe, from, into, bytes);
    shelf.give_back(std::move(pipe));
  }
}

}  // namespace sluice::bench::lab
