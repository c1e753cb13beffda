#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "relay/counters.hpp"
#include "sys/pipe.hpp"

namespace sluice::relay {

/// A pipe of the pool and the exact number of bytes in it: the count lives with the pipe, so that nobody can give a
/// dirty pipe back by mistake (invariant I4).
struct pipe {
  sys::unique_fd read;
  sys::unique_fd write;
  std::uint32_t slots = 0;  ///< fragments it takes, whatever their length
  bool large = false;
  std::size_t bytes = 0;

  std::size_t fill_bytes = 0;  ///< most bytes one fill takes: a page a slot (fs/splice.c, do_splice_read)
};

/// How many pages and pipes one worker's pool may use.
struct pipe_budget {
  std::size_t pages = 7'168;          ///< slots of all its pipes together
  std::size_t pipes = 512;            ///< of any size
  std::size_t large_bytes = 1 << 20;  ///< asked for a large pipe
};

/// The share of one of `workers` pools in what the kernel grants this user (pipe-user-pages-soft, held to as root too,
/// less an eighth for other programs of the same user) and in the descriptors (a thirty-second of the limit is the
/// number of pipes).
pipe_budget make_pipe_budget(const sys::pipe_limits& limits, std::size_t descriptor_limit,
                             std::size_t workers) noexcept;

/// A worker's pipes, last in first out: a large hot top that serves nearly every direction, and small ones for when
/// many directions are blocked at once (invariant I6). No locks. Thread: its worker's.
class pipe_pool {
 public:
  pipe_pool(const pipe_budget& budget, counters& counts);
  ~pipe_pool();
  pipe_pool(const pipe_pool&) = delete;
  pipe_pool& operator=(const pipe_pool&) = delete;

  /// An empty pipe, or null: the budget is spent or the kernel gives none worth having. The caller gives it back.
  pipe* borrow() noexcept;

  /// An empty pipe is kept for the next; one with bytes in it is closed and counted, whoever would get it next must not
  /// see them.
  void give_back(pipe* borrowed) noexcept;

  /// Closes half of the pipes that nobody needed since the last call. Call it every few seconds.
  void trim() noexcept;

  /// Closes every pipe that nobody has.
  void close_cached() noexcept;

  std::size_t cached() const noexcept { return large_.size() + small_.size(); }

 private:
  pipe* create(bool large) noexcept;
  void destroy(pipe* doomed) noexcept;
  pipe* lend(std::vector<std::unique_ptr<pipe>>& from) noexcept;

  pipe_budget budget_;
  counters& counts_;
  std::vector<std::unique_ptr<pipe>> large_;
  std::vector<std::unique_ptr<pipe>> small_;
  std::size_t pages_ = 0;                  ///< slots of every pipe that exists
  std::size_t large_pages_ = 0;            ///< slots of the large ones
  std::size_t pipes_ = 0;                  ///< pipes that exist
  std::size_t least_cached_ = 0;           ///< since the last trim
  std::uint32_t refusals_left_ = 0;        ///< borrows to answer without asking a kernel that just said no
  std::uint32_t large_refusals_left_ = 0;  ///< the same for large pipes alone
};

}  // namespace sluice::relay
