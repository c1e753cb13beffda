#include "history/side.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "support/byte_stream.hpp"
#include "support/loopback.hpp"
#include "support/wait.hpp"

namespace sluice::history {
namespace {

using clock = std::chrono::steady_clock;

/// One end at work: sends and reads at once, in one thread.
class player {
 public:
  player(sys::unique_fd fd, const side_plan& own, const side_plan& other, std::vector<std::byte> header,
         std::uint64_t already_received, std::chrono::milliseconds patience)
      : fd_(std::move(fd)),
        own_(own),
        header_(std::move(header)),
        stream_(own.stream),
        other_(other.stream),
        patience_(patience),
        random_(own.chance),
        buffer_(std::max(own.reads_at_once, own.largest_piece)) {
    seen_.received = already_received;
    seen_.begun = clock::now();
  }

  side_history play() {
    clock::time_point last_move = clock::now();
    while (!over()) {
      if (own_.end != ending::in_order && seen_.sent + seen_.received >= own_.ends_after) {
        end_itself();
        break;
      }
      const auto now = clock::now();
      if (now - last_move > patience_) {
        seen_.stalled = true;
        support::reset(std::move(fd_));
        break;
      }
      wait(now);
      bool moved = false;
      if (!reading_over()) moved |= receive();
      if (wants_to_send() && clock::now() >= send_at_) moved |= send();
      if (moved) last_move = clock::now();
    }
    seen_.over = clock::now();
    return seen_;
  }

 private:
  bool reading_over() const { return seen_.saw_end || seen_.saw_reset || seen_.wrong_byte; }
  bool wants_to_send() const { return !seen_.fin_sent && !broken_; }
  bool over() const { return reading_over() && (!wants_to_send() || seen_.saw_reset || seen_.wrong_byte); }

  void wait(clock::time_point now) const {
    pollfd waited{fd_.get(), 0, 0};
    if (!reading_over()) waited.events |= POLLIN;
    auto left = std::chrono::milliseconds(1'000);
    if (wants_to_send()) {
      if (send_at_ <= now)
        waited.events |= POLLOUT;
      else
        left = std::chrono::ceil<std::chrono::milliseconds>(send_at_ - now);
    }
    // Where nothing is wanted poll(2) would only repeat that the connection is over.
    if (waited.events == 0) waited.fd = -1;
    ::poll(&waited, 1, static_cast<int>(left.count()));
  }

  bool receive() {
    const ssize_t n = ::recv(fd_.get(), buffer_.data(), own_.reads_at_once, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (n < 0 || (n == 0 && broken_)) {
      seen_.saw_reset = true;  // an error is told once: what a failed send has taken looks like an end of file
    } else if (n == 0) {
      seen_.saw_end = true;
    } else {
      const auto came = std::span(buffer_).first(static_cast<std::size_t>(n));
      const std::size_t right = other_.matching(seen_.received, came);
      seen_.received += right;
      seen_.wrong_byte = right != came.size();
    }
    return true;
  }

  bool send() {
    if (seen_.sent == own_.bytes) {
      ::shutdown(fd_.get(), SHUT_WR);
      seen_.fin_sent = true;
      return true;
    }
    auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(own_.bytes - seen_.sent, 1 + random_() % own_.largest_piece));
    if (seen_.sent < header_.size()) size = header_.size() - static_cast<std::size_t>(seen_.sent);
    const auto piece = std::span(buffer_).first(std::min(size, buffer_.size()));
    stream_.fill(seen_.sent, piece);
    for (std::size_t i = 0; i < piece.size() && seen_.sent + i < header_.size(); ++i)
      piece[i] = header_[static_cast<std::size_t>(seen_.sent) + i];
    const ssize_t n = ::send(fd_.get(), piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) {
      broken_ = errno != EAGAIN && errno != EINTR;
      return broken_;
    }
    seen_.sent += static_cast<std::uint64_t>(n);
    if (random_() % 100 < own_.rests_percent)
      send_at_ =
          clock::now() + std::chrono::microseconds(random_() % static_cast<std::uint64_t>(own_.longest_rest.count()));
    return true;
  }

  void end_itself() {
    seen_.ended_itself = true;
    if (own_.end == ending::reset) {
      support::reset(std::move(fd_));
    } else {
      fd_.reset();
    }
  }

  sys::unique_fd fd_;
  side_plan own_;
  std::vector<std::byte> header_;
  support::byte_stream stream_;
  support::byte_stream other_;
  std::chrono::milliseconds patience_;
  std::mt19937_64 random_;
  std::vector<std::byte> buffer_;
  clock::time_point send_at_{};
  bool broken_ = false;  ///< a send has failed
  side_history seen_;
};

}  // namespace

side_history play_client(sys::unique_fd fd, const history_settings& all, const session_plan& plan) {
  side_history seen =
      player(std::move(fd), plan.client, plan.backend, header_of(all.seed, plan.number), 0, all.patience).play();
  seen.number = plan.number;
  return seen;
}

side_history play_backend(sys::unique_fd fd, const history_settings& all, const session_plan& plan) {
  side_history seen = player(std::move(fd), plan.backend, plan.client, {}, header_bytes, all.patience).play();
  seen.number = plan.number;
  return seen;
}

}  // namespace sluice::history
