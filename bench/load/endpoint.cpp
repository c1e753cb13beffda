#include "endpoint.hpp"

#include <array>
#include <cstring>

#include "clocks.hpp"

namespace sluice::bench {
namespace {

std::span<const std::byte> static_block() {
  static const std::array<std::byte, largest_chunk_bytes> block{};
  return block;
}

std::uint64_t next_number() {
  thread_local std::uint64_t last = 0;
  return ++last;
}

}  // namespace

std::uint32_t bulk_end::interest() const {
  return (sends_ ? std::uint32_t{EPOLLOUT} : 0U) | (receives_ ? std::uint32_t{EPOLLIN} : 0U) | EPOLLRDHUP;
}

verdict bulk_end::on_events(std::uint32_t events, tally& mine) {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) return verdict::broken;  // bulk has no end of its own
  if ((events & EPOLLIN) != 0) {
    const io_result got = discard(socket().get(), chunk_bytes_);
    if (got.state == io_state::ended) return verdict::broken;
    mine.bytes.add(got.bytes);
  }
  if ((events & EPOLLOUT) != 0 &&
      transmit(socket().get(), static_block().first(chunk_bytes_)).state == io_state::ended) {
    return verdict::broken;
  }
  return verdict::goes_on;
}

exchange_end::exchange_end(unique_fd socket, role plays, const options& wanted, const std::atomic<phase>& now,
                           histogram* latencies, std::uint64_t started_ns)
    : endpoint(std::move(socket)),
      plays_(plays),
      once_(wanted.what == work::short_sessions),
      rests_(wanted.what == work::idle && plays == role::asks),
      closes_((wanted.closer == closes_first::client) == (plays == role::asks)),
      now_(now),
      latencies_(latencies),
      doing_(plays == role::asks ? doing::sending : doing::receiving),
      number_(next_number()),
      started_ns_(started_ns),
      size_(wanted.message_bytes),
      message_(std::make_unique<std::byte[]>(wanted.message_bytes)) {
  std::memcpy(message_.get(), &number_, sizeof number_);
}

std::uint32_t exchange_end::interest() const { return EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET; }

verdict exchange_end::on_events(std::uint32_t events, tally& mine) {
  if ((events & EPOLLIN) != 0) readable_ = true;
  if ((events & EPOLLOUT) != 0) writable_ = true;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) readable_ = ending_ = true;
  for (;;) {
    if (doing_ == doing::sending ? !writable_ : !readable_) return verdict::goes_on;
    const verdict after = doing_ == doing::sending     ? send_rest()
                          : doing_ == doing::receiving ? receive_rest(mine)
                                                       : await_end(mine);
    if (after != verdict::goes_on) return after;
  }
}

verdict exchange_end::send_rest() {
  const io_result sent = transmit(socket().get(), std::span(message_.get(), size_).subspan(offset_));
  if (sent.state == io_state::ended) return verdict::broken;
  if (sent.state == io_state::not_now) writable_ = false;
  offset_ += sent.bytes;
  return offset_ == size_ ? message_sent() : verdict::goes_on;
}

verdict exchange_end::message_sent() {
  offset_ = 0;
  if (plays_ == role::answers && once_) {
    if (closes_) return verdict::done;
    doing_ = doing::awaiting_end;
  } else {
    doing_ = doing::receiving;
  }
  return verdict::goes_on;
}

verdict exchange_end::receive_rest(tally& mine) {
  const io_result got = receive(socket().get(), std::span(message_.get(), size_).subspan(offset_));
  if (got.state == io_state::ended) return verdict::broken;
  if (got.state == io_state::not_now) readable_ = false;
  offset_ += got.bytes;
  mine.bytes.add(got.bytes);
  return offset_ == size_ ? message_arrived(mine) : verdict::goes_on;
}

verdict exchange_end::message_arrived(tally& mine) {
  offset_ = 0;
  // Nothing follows a whole message until it is answered, except an end of file that may have come with it.
  if (!ending_) readable_ = false;
  doing_ = doing::sending;
  if (plays_ == role::answers) return verdict::goes_on;

  std::uint64_t arrived = 0;
  std::memcpy(&arrived, message_.get(), sizeof arrived);
  if (arrived != number_) return verdict::broken;
  const std::uint64_t now = now_ns();
  if (latencies_ != nullptr && now_.load(std::memory_order_relaxed) == phase::counting) {
    latencies_->record(now - started_ns_);
  }
  mine.round_trips.add(1);
  if (rests_) {
    doing_ = doing::awaiting_end;
    return verdict::goes_on;
  }
  if (once_) {
    if (!closes_) {
      doing_ = doing::awaiting_end;
      return verdict::goes_on;
    }
    mine.sessions.add(1);
    return verdict::done;
  }
  started_ns_ = now;
  number_ = next_number();
  std::memcpy(message_.get(), &number_, sizeof number_);
  return verdict::goes_on;
}

verdict exchange_end::await_end(tally& mine) {
  std::array<std::byte, 1> nothing_expected;
  const io_result got = receive(socket().get(), nothing_expected);
  if (got.state == io_state::moved) return verdict::broken;
  if (got.state == io_state::not_now) {
    readable_ = false;
    return verdict::goes_on;
  }
  if (rests_) return verdict::broken;
  if (plays_ == role::asks) mine.sessions.add(1);
  return verdict::done;
}

}  // namespace sluice::bench
