#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "endpoint.hpp"

namespace sluice::bench {

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
  virtual void start() = 0;
  virtual void on_listener() {}
  virtual void on_gone() {}

  void take_on(std::unique_ptr<endpoint> end);

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

/// Listens where the relay connects: source, sink or echo.
class server_crew final : public crew {
 public:
  /// Throws std::system_error if the port cannot be had.
  server_crew(const options& wanted, const std::atomic<phase>& now);

 private:
  void start() override;
  void on_listener() override;

  unique_fd listener_;
};

/// Connects where the relay listens. Keeps the wanted number of connections, making new ones where short sessions
/// ended.
class client_crew final : public crew {
 public:
  using crew::crew;
  const histogram& latencies() const { return latencies_; }

 private:
  void start() override;
  void on_gone() override;
  void open_one();

  histogram latencies_;
};

}  // namespace sluice::bench
