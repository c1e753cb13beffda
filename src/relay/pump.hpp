#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "sluice/stats.hpp"

#include "relay/counters.hpp"
#include "relay/pipe_pool.hpp"
#include "relay/stream.hpp"
#include "sys/stream_io.hpp"

namespace sluice::relay {

/// What a step may do.
struct limits {
  std::size_t fill_bytes = SIZE_MAX;       ///< most bytes one fill may take; 0: nothing now, a rate allowance is spent
  std::size_t turn_bytes = 512 * 1024;     ///< after so many the step says `again`, so that nobody starves
  std::size_t largest_pipe = 1024 * 1024;  ///< most bytes a promoted direction asks of one fill
};

/// What a step waits for, or how the direction ended.
enum class step_result : std::uint8_t {
  wants_source,  ///< nothing to read; no pipe is held
  wants_sink,    ///< the sink takes no more; a pipe is held only if it has bytes in it
  wants_time,    ///< limits.fill_bytes was 0
  again,         ///< the budget is spent, there may be more
  finished,      ///< end of file, everything delivered, FIN forwarded
  failed,        ///< source.error or sink.error says whose fault it is
};

/// Sees every fill while all its bytes are still in the pipe and nothing else is.
class fill_observer {
 public:
  virtual void after_fill(const pipe& filled, std::size_t bytes) noexcept = 0;

 protected:
  ~fill_observer() = default;
};

/// What the pumps of one worker share. Outlives them. scratch is empty between steps.
struct pump_context {
  sys::stream_io& io;
  pipe_pool& pool;
  counters& counts;
  std::span<std::byte> scratch;
  bool moved = false;    ///< set by every step that moves bytes, cleared by who asks
  bool trusted = false;  ///< set by every step that trusts a short fill, cleared by who asks
};

/// One direction of a relay: socket -> pipe -> socket. A plain state machine that knows no event loop; the invariants
/// are those of docs/splice.md.
///
/// Between steps a pipe is held if and only if bytes are in it (I1), so waiting for a source costs nothing.
/// Thread: its worker's.
class pump {
 public:
  pump(stream& source, stream& sink) noexcept : source_(source), sink_(sink) {}
  pump(const pump&) = delete;
  pump& operator=(const pump&) = delete;

  /// Moves bytes until it would block, ends, or has moved limits.turn_bytes.
  step_result step(pump_context& context, const limits& allowed) noexcept;

  /// A step would only say wants_sink (the sink is not writable) or wants_source.
  bool is_blocked() const noexcept {
    return pipe_ != nullptr ? !sink_.writable : !eof_ && !(sink_.writable && source_.readable);
  }

  /// Whether the last fill was trusted to have emptied the source (I3). Who runs the pump looks at the source some time
  /// later and says what it found.
  bool trusts_last_fill() const noexcept { return trusted_; }
  void trust_was(bool justified) noexcept;

  /// Copies from now on, for the reason given (counted). Kept as the direction's mode.
  void copy_from_now(pump_context& context, fallback_reason reason) noexcept;

  /// Lets go of what is held: a pipe with bytes in it is closed. For a direction whose sink is gone.
  void abandon(pump_context& context) noexcept;

  void observe_fills(fill_observer* observer) noexcept { observer_ = observer; }

  bool holds_pipe() const noexcept { return pipe_ != nullptr; }
  std::size_t bytes_in_pipe() const noexcept { return pipe_ != nullptr ? pipe_->bytes : 0; }
  /// A fill once came back full.
  bool is_bulk() const noexcept { return promoted_; }
  bool source_ended() const noexcept { return eof_; }
  bool fin_sent() const noexcept { return fin_sent_; }
  std::uint64_t bytes_in() const noexcept { return bytes_in_; }
  std::uint64_t bytes_out() const noexcept { return bytes_out_; }
  std::uint64_t bytes_copied() const noexcept { return bytes_copied_; }

 private:
  /// What the next action of a step is.
  enum class next : std::uint8_t { go_on, wait_source, wait_sink, fail };

  next drain(pump_context& context) noexcept;
  next drain_by_copy(pump_context& context) noexcept;
  next fill(pump_context& context, const limits& allowed, std::size_t& left) noexcept;
  next copy(pump_context& context, std::size_t most, std::size_t& left) noexcept;
  next copy_without_pipe(pump_context& context, std::size_t most, std::size_t& left) noexcept;
  next step_over_urgent(pump_context& context, std::size_t& left) noexcept;
  next splice_in_failed(pump_context& context, int error, std::size_t most, std::size_t& left) noexcept;
  void look_for_eof(pump_context& context) noexcept;
  next source_empty() noexcept;
  next source_eof(pump_context& context) noexcept;
  bool may_hide_urgent_data() const noexcept;
  next source_failed(int error) noexcept;
  next sink_failed(pump_context& context, int error) noexcept;
  next send_fin(pump_context& context) noexcept;
  void note_short_read(std::size_t got, std::size_t room) noexcept;
  void note_short_fill(pump_context& context, std::size_t got, std::size_t asked) noexcept;
  void end_nagle(pump_context& context, std::size_t bytes) noexcept;
  void count_in(pump_context& context, std::size_t bytes, std::size_t& left) noexcept;
  void count_out(pump_context& context, std::size_t bytes) noexcept;
  void count_copied(pump_context& context, std::size_t bytes) noexcept;
  void give_back(pump_context& context) noexcept;

  stream& source_;
  stream& sink_;
  pipe* pipe_ = nullptr;
  fill_observer* observer_ = nullptr;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
  std::uint64_t bytes_copied_ = 0;
  bool eof_ = false;
  bool fin_sent_ = false;
  bool copying_ = false;
  bool promoted_ = false;
  bool rest_of_copy_ = false;  ///< what is in the pipe was counted as copied
  bool looks_again_ = false;   ///< the fill that follows is a look behind a short one
  bool trusted_ = false;
  std::uint8_t vain_looks_ = 0;          ///< in a row
  std::uint8_t looks_before_trust_ = 8;  ///< how many it takes
};

}  // namespace sluice::relay
