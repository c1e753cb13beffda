#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "endpoint.hpp"

namespace sluice::bench {

class bulk_crew;

/// All ends on one side of the relay and the loop that runs them. Thread: the one that calls run(), which ends soon
/// after the phase is stopping.
class crew {
 public:
  crew(const options& wanted, const std::atomic<phase>& now) : wanted_(wanted), now_(now) {}
  virtual ~crew() = default;
  crew(const crew&) = delete;
  crew& operator=(const crew&) = delete;

  /// Never throws; what stopped it early is in failure().
  void run();
  const tally& done() const { return tally_; }
  const std::string& failure() const { return failure_; }

 protected:
  static constexpr int look_at_phase_every_ms = 20;

  virtual void start() {}
  virtual void on_listener() {}
  virtual void on_gone() {}
  /// After every batch of events; what it answers is how many milliseconds may pass until the next call.
  virtual int on_turn() { return look_at_phase_every_ms; }

  void take_on(std::unique_ptr<endpoint> end);
  void take_on_bulk(unique_fd socket, bool sends, bool receives, bulk_crew& beside);

  const options& wanted_;
  const std::atomic<phase>& now_;
  tally tally_;
  event_set set_;

 private:
  void loop();
  void drop(const endpoint& end);

  std::vector<std::unique_ptr<endpoint>> ends_;
  std::string failure_;
};

/// Both ends of the bulk in a mix, on a thread of their own and at a steady pace: bulk without bounds would have the
/// ping-pong wait for the generator, whatever the relay does.
class bulk_crew final : public crew {
 public:
  using crew::crew;
  /// Any thread; the end is taken on within a turn.
  void give(std::unique_ptr<endpoint> end);

 private:
  int on_turn() override;

  std::mutex mutex_;
  std::vector<std::unique_ptr<endpoint>> given_;
};

/// Listens where the relay connects: source, sink or echo.
class server_crew final : public crew {
 public:
  /// Throws std::system_error if the port cannot be had.
  server_crew(const options& wanted, const std::atomic<phase>& now, bulk_crew& beside);

 private:
  void start() override;
  void on_listener() override;

  bulk_crew& beside_;
  unique_fd listener_;
};

/// Connects where the relay listens. Keeps the wanted number of connections, making new ones where short sessions
/// ended. Only so many are under way at once as a listener's queue holds, bulk first: `served` counts what came
/// through. Ping-pong begins when all are through: a relay busy with messages would take minutes to accept thousands.
class client_crew final : public crew {
 public:
  client_crew(const options& wanted, const std::atomic<phase>& now, const tally& served, bulk_crew& beside)
      : crew(wanted, now), served_(served), beside_(beside) {}
  const histogram& latencies() const { return latencies_; }

 private:
  int on_turn() override;
  void on_gone() override;
  void open_one();
  void begin_exchange(unique_fd socket, std::uint64_t started_ns);
  bool all_through() const { return served_.opened.read() >= wanted_.held_connections(); }

  const tally& served_;
  bulk_crew& beside_;
  std::size_t opened_ = 0;
  std::vector<unique_fd> waiting_;
  histogram latencies_;
};

}  // namespace sluice::bench
