#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "support/byte_stream.hpp"
#include "sys/stream_io.hpp"

namespace sluice::relay::testing {

/// A source socket, a sink socket and pipes with slots, as the kernel behaves (docs/splice.md), on one thread and
/// without a clock: the peer's moves are made by the test, the relay's through stream_io. What arrives at the sink is
/// compared with what was sent byte by byte.
class simulated_io final : public sys::stream_io {
 public:
  struct nature {
    bool tcp = true;         ///< a unix source may give less than it has
    double partial = 0.3;    ///< how often a write takes only a part
    double refuses_in = 0;   ///< of splice_in: EINVAL, EPERM or ENOMEM
    double refuses_out = 0;  ///< the same of splice_out
  };

  simulated_io(std::uint64_t seed, const nature& like) : stream_(seed), random_(seed), like_(like) {}

  void sink_is(int fd) noexcept { sink_fd_ = fd; }

  // What the peers do.
  void peer_sends(std::size_t n) { add_segment(n, false); }
  void peer_sends_urgent() { add_segment(1, true); }
  void peer_ends();
  void peer_resets();
  void reader_takes(std::size_t n);
  void reader_resets();

  // What epoll would say at this moment, if an edge came since the last harvest.
  std::uint32_t harvest_source() noexcept;
  std::uint32_t harvest_sink() noexcept;

  // The truth.
  bool source_has_more() const noexcept;  ///< bytes, an end of file or an error that a read would find
  bool sink_takes_more() const noexcept { return room_ > 0 || sink_error_ != 0 || sink_dead_; }
  bool edge_is_due() const noexcept { return source_edge_ || sink_edge_; }
  std::uint64_t sent() const noexcept { return sent_; }
  std::uint64_t taken() const noexcept { return taken_; }
  std::uint64_t delivered() const noexcept { return delivered_; }
  bool ended() const noexcept { return ended_; }
  bool was_reset() const noexcept { return was_reset_; }
  bool sink_died() const noexcept { return sink_dead_; }
  bool fin_delivered() const noexcept { return fin_delivered_; }
  /// The first thing that went wrong; empty if nothing did.
  const std::string& violation() const noexcept { return violation_; }

  /// The n-th call from now fails with this errno (EAGAIN: would block) without doing anything. 0: none.
  void fail_call(std::uint64_t n, int error) noexcept {
    fails_at_ = n;
    injected_ = error;
    calls_ = 0;
  }
  /// The name of the call that failed so; empty as long as none has.
  const std::string& failed_call() const noexcept { return failed_call_; }

  sys::io_result splice_in(int socket, int pipe_write, std::size_t length) noexcept override;
  sys::io_result splice_out(int pipe_read, int socket, std::size_t length) noexcept override;
  sys::io_result splice_out_before_fin(int pipe_read, int socket, std::size_t length) noexcept override;
  sys::io_result receive(int socket, std::span<std::byte> into) noexcept override;
  sys::io_result peek(int socket, std::span<std::byte> into) noexcept override;
  sys::io_result send(int socket, std::span<const std::byte> from) noexcept override;
  sys::io_result write_pipe(int pipe_write, std::span<const std::byte> from) noexcept override;
  sys::io_result read_pipe(int pipe_read, std::span<std::byte> into) noexcept override;
  sys::io_result tee(int pipe_read, int pipe_write, std::size_t length) noexcept override;
  int shutdown_write(int socket) noexcept override;
  int set_nodelay(int) noexcept override { return 0; }
  int take_error(int socket) noexcept override;

 private:
  struct segment {
    std::uint64_t begin;
    std::size_t bytes;
    bool urgent;  ///< its first byte is the mark
  };
  using fragments = std::deque<std::vector<std::byte>>;

  bool happens(double chance) { return std::uniform_real_distribution<>(0, 1)(random_) < chance; }
  std::size_t up_to(std::size_t n) { return std::uniform_int_distribution<std::size_t>(1, n)(random_); }
  void add_segment(std::size_t n, bool urgent);
  /// True if this call is the one that was to fail.
  bool injects(const char* call, sys::io_result& answer) noexcept;
  void wrong(const std::string& what);
  fragments& pipe_behind(int fd);
  /// Bytes from the head of the queue to the urgent mark or the end; `past` lets a mark at the head through.
  std::size_t readable_bytes(bool past) const noexcept;
  std::vector<std::byte> take(std::size_t n);
  sys::io_result nothing_to_read(bool splicing) noexcept;
  sys::io_result read(std::span<std::byte> into, bool keeps);
  sys::io_result deliver(std::span<const std::byte> bytes);
  sys::io_result sink_fails() noexcept;

  support::byte_stream stream_;
  std::mt19937_64 random_;
  nature like_;
  std::deque<segment> queue_;
  std::map<std::uint64_t, fragments> pipes_;  ///< by inode: both ends of a pipe have the same
  std::uint64_t sent_ = 0;
  std::uint64_t delivered_ = 0;
  std::size_t room_ = 4'096;
  bool source_edge_ = false;
  bool sink_edge_ = true;
  bool waits_for_room_ = false;
  bool ended_ = false;
  bool was_reset_ = false;
  int source_error_ = 0;
  int sink_error_ = 0;
  bool sink_dead_ = false;
  bool fin_delivered_ = false;
  int sink_fd_ = -1;
  std::uint64_t taken_ = 0;
  std::string failed_call_;
  std::uint64_t calls_ = 0;
  std::uint64_t fails_at_ = 0;
  int injected_ = 0;
  std::string violation_;
};

}  // namespace sluice::relay::testing
