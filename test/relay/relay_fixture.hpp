#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "loop/edge_set.hpp"
#include "relay/pipe_pool.hpp"
#include "relay/relay.hpp"
#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/wait.hpp"
#include "sys/stream_io.hpp"
#include "sys/unique_fd.hpp"

namespace sluice::relay::testing {

inline constexpr loop::time_ns millisecond = 1'000'000;
inline constexpr loop::time_ns second = 1'000 * millisecond;

enum class family : std::uint8_t { tcp, unix_stream };

/// What a relay_fixture starts with.
struct relay_setup {
  family client = family::tcp;
  family backend = family::tcp;
  relay_settings settings{60 * second, 20 * second, second, 0};
  pipe_budget pipes;
  bool copies = false;     ///< both directions, from the beginning
  int backend_sndbuf = 0;  ///< SO_SNDBUF of sluice's socket to the backend; 0: the kernel's default
  int backend_rcvbuf = 0;  ///< SO_RCVBUF of the backend's end
  std::size_t turn_bytes = 512 * 1024;
};

/// One relay between two real connections and a worker's turn around it: edges are harvested, the relay is run,
/// deadlines come when the test moves `now`. Nothing sleeps: a wait is for an edge or for a condition.
///
/// Its end CHECKs what holds for every relay: no lost edge (unless the test planted one), no pipe in use, and as many
/// descriptors as before.
class relay_fixture {
  support::fd_baseline descriptors_;  // first: its check comes last

 public:
  explicit relay_fixture(const relay_setup& setup = {});
  ~relay_fixture();
  relay_fixture(const relay_fixture&) = delete;
  relay_fixture& operator=(const relay_fixture&) = delete;

  // The peers' ends.
  sys::unique_fd client;
  sys::unique_fd backend;

  relay& subject() noexcept { return *relay_; }
  const counters& counts() const noexcept { return counts_; }
  loop::time_ns now() const noexcept { return context_.now; }
  bool closed() const noexcept { return status_ == relay_status::closed; }
  pipe_pool& pool() noexcept { return pool_; }

  /// Takes the edges that are there and tells the relay. False if there were none.
  bool harvest() { return harvest_within(0); }
  /// One turn: harvest, and run if an edge came or the last run wanted another turn. False if there was nothing to do.
  bool turn() { return turn_within(0); }
  /// Runs the relay as it stands, without a harvest.
  void run();
  /// Turns until there is nothing to do at this moment.
  void settle();
  /// Turns, waiting for edges, until the condition holds; false when the time was over. The relay's clock moves by
  /// `each_wait` at every wait, so that what it looks at from time to time comes, too.
  template <typename Condition>
  bool turn_until(Condition&& holds, loop::time_ns each_wait = 0) {
    const auto deadline = std::chrono::steady_clock::now() + support::patience;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      if (turn_within(2 * millisecond)) continue;
      if (each_wait != 0) advance(each_wait);
    }
    return true;
  }
  bool turn_until_closed() {
    return turn_until([this] { return closed(); }, millisecond);
  }

  /// Moves the clock and does what is due, as a worker does: first edges, then deadlines.
  void advance(loop::time_ns span);
  /// The same with the edges left where they are, as if they came between this turn's harvest and its deadlines.
  void advance_without_harvest(loop::time_ns span);
  /// What a worker's turn after a doubt does.
  void look_again();
  void look_without_harvest();
  /// Takes the edges and tells nobody.
  void drop_edges() { edges_.wait(0, 0); }
  void cut(close_reason why);
  bool in_doubt() const noexcept { return doubt_; }

  /// Sends n bytes of the stream `seed` from a peer's end while the relay runs, and receives them at the other; CHECKs
  /// that each is right. Both ends go on from where the last call left them.
  void exchange(loop::side from, std::size_t n);
  /// Receives until the end of file or an error (0 or errno) while the relay runs, CHECKing the stream.
  int receive_to_end(loop::side at);
  /// Takes what has come to this peer, without running the relay.
  void receive_now(loop::side at);
  /// Bytes that came to this peer so far.
  std::uint64_t received(loop::side at) const noexcept { return received_[index(at)]; }
  /// Sends as much as the peer's kernel takes while the relay runs, until nothing moves any more.
  void flood(loop::side from);
  std::uint64_t sent(loop::side from) const noexcept { return sent_[index(from)]; }
  /// Sends n bytes of the stream, in pieces, without running the relay, and waits until sluice's kernel side has them.
  void send_now(loop::side from, std::size_t n, std::size_t piece = 64 * 1024);
  /// The same for one byte of urgent data.
  void send_urgent(loop::side from) { REQUIRE(can_send_urgent(from)); }
  /// False where the kernel knows none on this family.
  bool can_send_urgent(loop::side from);
  /// n bytes behind an urgent one, which hides them from whoever asks how many are unread.
  void send_behind_urgent(loop::side from, std::size_t n);
  /// Sends until the relay has blocked on the sink and does not want to hear of this source any more.
  void send_until_silenced(loop::side from);
  /// The end of file has come to sluice's socket when this returns; not so with end_stream(), behind bytes that wait.
  void finish(loop::side from);
  void end_stream(loop::side from);
  void reset(loop::side from);

  sys::unique_fd& end_of(loop::side which) noexcept { return which == loop::side::client ? client : backend; }
  int peer(loop::side which) const noexcept { return (which == loop::side::client ? client : backend).get(); }
  void expect_lost_edges(std::uint64_t n) noexcept { expected_lost_edges_ = n; }

 private:
  static std::size_t index(loop::side which) noexcept { return static_cast<std::size_t>(which); }
  void sent_bytes_arrive(loop::side from, long before);
  static loop::side opposite(loop::side which) noexcept {
    return which == loop::side::client ? loop::side::backend : loop::side::client;
  }
  bool harvest_within(loop::time_ns wait);
  bool turn_within(loop::time_ns wait);
  void note(relay_status status);
  std::size_t send_some(loop::side from, std::size_t n);
  /// Bytes received; -1 nothing there now, -2 the end, whose errno is in end_error_.
  long receive_some(loop::side at);

  loop::edge_set edges_;
  counters counts_;
  pipe_pool pool_;
  std::vector<std::byte> scratch_;
  sys::kernel_stream_io kernel_;
  relay_context context_;
  relay_settings settings_;
  std::unique_ptr<relay> relay_;
  relay_status status_ = relay_status::waiting;
  bool doubt_ = false;
  std::uint64_t sent_[2] = {0, 0};
  std::uint64_t received_[2] = {0, 0};
  int end_error_ = 0;
  std::uint64_t expected_lost_edges_ = 0;
};

}  // namespace sluice::relay::testing
