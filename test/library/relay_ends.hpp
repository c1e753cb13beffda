#pragma once

#include <poll.h>

#include <array>
#include <cstdint>
#include <future>
#include <string>
#include <vector>

#include "sluice/relay.hpp"

#include "support/loopback.hpp"
#include "sys/unique_fd.hpp"

namespace sluice::zero_copy::testing {

enum class family : std::uint8_t { tcp, unix_stream };

struct combination {
  std::string name;
  family client;
  family backend;
};

/// TCP x TCP, TCP x unix, unix x TCP, unix x unix.
const std::vector<combination>& combinations();

/// Two real connections; what a relay gets is `relayed_client` and `relayed_backend`.
struct relay_ends {
  explicit relay_ends(family of_client = family::tcp, family of_backend = family::tcp,
                      support::io_mode relayed = support::io_mode::blocking);

  sys::unique_fd client;
  sys::unique_fd relayed_client;
  sys::unique_fd relayed_backend;
  sys::unique_fd backend;
};

/// A stream from one peer to the other.
struct one_way {
  int from;
  int at;
  std::uint64_t seed;
};
inline std::array<one_way, 2> both_ways(const relay_ends& ends) {
  return {one_way{ends.client.get(), ends.backend.get(), 1}, one_way{ends.backend.get(), ends.client.get(), 2}};
}

/// relay_until_end() of both, in another thread.
std::future<relay_result> run_aside(const relay_ends& ends, const relay_options& options = {});

/// The caller's loop around a relay that is driven step by step, over poll(2). Counts, so that a spin shows.
class poll_loop {
 public:
  explicit poll_loop(relay& subject) noexcept : relay_(subject) {}

  /// Steps, and polls for up to `wait` if nothing is left to do. False once it has ended.
  bool turn(std::chrono::milliseconds wait);
  /// Until it has ended or the condition holds; false when the time was over first.
  template <typename Condition>
  bool turn_until(Condition&& holds) {
    const auto deadline = relay_clock::now() + support::patience;
    while (!holds()) {
      if (relay_clock::now() >= deadline) return false;
      if (!turn(std::chrono::milliseconds(2))) return holds();
    }
    return true;
  }
  bool turn_until_ended() {
    return turn_until([this] { return ended_; });
  }
  /// While nothing happens the wait must last: false if a descriptor told something in vain.
  bool rests();

  bool ended() const noexcept { return ended_; }

 private:
  relay& relay_;
  bool ended_ = false;
};

}  // namespace sluice::zero_copy::testing
