#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "sluice/pipe.hpp"

namespace sluice::zero_copy {

/// How much of what the kernel grants a user one pool may use.
struct pool_limits {
  std::size_t pages = 1'024;  ///< slots of all its pipes together, each a page of the user's quota (pipe(7))
  std::size_t pipes = 8;      ///< of any size, two descriptors each
  std::size_t large_bytes = 1024 * 1024;  ///< asked for a large pipe, while half of the pages allow it; 0: none
};

/// The share of one of `pools` (more than 0) in this user's quota of pipe pages, less an eighth for other programs of
/// the same user, and in the descriptors (a thirty-second of RLIMIT_NOFILE is the number of pipes). Read from /proc and
/// the kernel at each call.
pool_limits fair_share(std::size_t pools) noexcept;

/// What a pool has and what became of pipes.
struct pool_counts {
  std::uint64_t in_use = 0;
  std::uint64_t cached = 0;
  std::uint64_t pages = 0;
  std::uint64_t refused = 0;    ///< borrowed in vain: the limits are spent or the kernel gave none
  std::uint64_t too_small = 0;  ///< granted with fewer than 16 slots and closed again: the user's quota is spent
  std::uint64_t dirty = 0;      ///< came back with bytes in them and were closed
};

/// Pipes kept for the next, last in first out, without locks; and the one buffer by which relays copy where the kernel
/// does not splice. A few large pipes serve nearly every call, small ones (64 KiB) come when many are borrowed at once.
/// One a thread is enough for any number of relays. Outlives the pipes it lent and the relays that use it.
/// Thread: one at a time, counts() any.
class pipe_pool {
 public:
  /// Makes no pipe yet. Throws std::bad_alloc.
  explicit pipe_pool(const pool_limits& limits = fair_share(1));
  ~pipe_pool();
  pipe_pool(const pipe_pool&) = delete;
  pipe_pool& operator=(const pipe_pool&) = delete;

  /// An empty pipe of at least 16 slots, which goes back when it dies; none (error() ENOBUFS) if the limits are spent
  /// or the kernel gives none worth having: then copy. One that dies with bytes in it is closed, for the next borrower
  /// must not see them.
  pipe borrow() noexcept;

  /// Closes half of the pipes that nobody needed since the last call. Call it every few seconds.
  void trim() noexcept;
  /// Closes every pipe that is not lent.
  void close_cached() noexcept;

  pool_counts counts() const noexcept;

 private:
  friend class relay;
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace sluice::zero_copy
