#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::balance {

/// How long a backend takes to answer, as its last few sessions tell: a moving average by time that follows a worse
/// value at once and a better one slowly ("peak EWMA", of Finagle and Linkerd). Without news it fades, so that a
/// backend that was slow is tried again some time. Thread: any.
class latency_estimate {
 public:
  /// A measurement. After decay_ns an old value counts for 1/e.
  void observe(std::int64_t sample_ns, std::int64_t now_ns, std::int64_t decay_ns) noexcept;
  /// 0 if nothing was ever measured, else at least 1.
  double at(std::int64_t now_ns, std::int64_t decay_ns) const noexcept;

 private:
  // A float in the upper half, when it was measured (in units of 2^20 ns) in the lower: one word, so that the two never
  // part. The time comes round: a backend without news for 26 days has its old value back until the next measurement.
  std::atomic<std::uint64_t> word_{0};
};

}  // namespace sluice::balance
