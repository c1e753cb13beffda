#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "histogram.hpp"
#include "options.hpp"
#include "sockets.hpp"
#include "tally.hpp"

namespace sluice::bench {

enum class verdict { goes_on, done, broken };

/// One end of one connection. Thread: its crew's.
class endpoint {
 public:
  explicit endpoint(unique_fd socket) : socket_(std::move(socket)) {}
  virtual ~endpoint() = default;
  endpoint(const endpoint&) = delete;
  endpoint& operator=(const endpoint&) = delete;

  virtual std::uint32_t interest() const = 0;
  virtual verdict on_events(std::uint32_t events, tally& mine) = 0;

  const unique_fd& socket() const { return socket_; }
  std::size_t place = 0;  ///< where its crew keeps it

 private:
  unique_fd socket_;
};

/// Sends without end from static memory, throws away what comes, or both. Level-triggered: one call an event, of at
/// most `chunk_bytes`.
class bulk_end final : public endpoint {
 public:
  bulk_end(unique_fd socket, bool sends, bool receives, std::size_t chunk_bytes)
      : endpoint(std::move(socket)), sends_(sends), receives_(receives), chunk_bytes_(chunk_bytes) {}
  std::uint32_t interest() const override;
  verdict on_events(std::uint32_t events, tally& mine) override;

 private:
  bool sends_;
  bool receives_;
  std::size_t chunk_bytes_;
};

enum class role { asks, answers };

/// One message there, one back; again and again, or once and then a close by the side options.closer names (idle: once
/// and no close, an end is an error). The asking end numbers its messages and checks what comes back. Edge-triggered;
/// latencies go to `latencies` while it isn't null and `now` is counting, the first one counted from `started_ns`.
class exchange_end final : public endpoint {
 public:
  exchange_end(unique_fd socket, role plays, const options& wanted, const std::atomic<phase>& now, histogram* latencies,
               std::uint64_t started_ns);
  std::uint32_t interest() const override;
  verdict on_events(std::uint32_t events, tally& mine) override;

 private:
  enum class doing { sending, receiving, awaiting_end };

  verdict send_rest();
  verdict receive_rest(tally& mine);
  verdict message_arrived(tally& mine);
  verdict message_sent();
  verdict await_end(tally& mine);

  role plays_;
  bool once_;
  bool rests_;
  bool closes_;
  const std::atomic<phase>& now_;
  histogram* latencies_;
  doing doing_;
  bool readable_ = false;
  bool writable_ = false;
  bool ending_ = false;
  std::uint64_t number_;
  std::uint64_t started_ns_;
  std::size_t offset_ = 0;
  std::size_t size_;
  std::unique_ptr<std::byte[]> message_;
};

}  // namespace sluice::bench
