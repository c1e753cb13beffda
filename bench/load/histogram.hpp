#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace sluice::bench {

/// Counts of nanoseconds in buckets about 1.6 % wide: fixed size, one increment a record. Thread: one at a time.
class histogram {
 public:
  void record(std::uint64_t nanoseconds) {
    ++buckets_[index_of(nanoseconds)];
    ++count_;
    if (nanoseconds > largest_) largest_ = nanoseconds;
  }

  std::uint64_t count() const { return count_; }
  double largest_us() const { return static_cast<double>(largest_) / 1000.0; }

  /// The latency in microseconds that `share` of the records do not exceed; 0 if there are none.
  double quantile_us(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen > wanted) return static_cast<double>(middle_of(i)) / 1000.0;
    }
    return largest_us();
  }

 private:
  // Values below 64 have a bucket each; above, every power of two is cut into 64.
  static constexpr unsigned cut_bits = 6;
  static constexpr std::uint64_t cuts = 1U << cut_bits;

  static std::size_t index_of(std::uint64_t value) {
    if (value < cuts) return static_cast<std::size_t>(value);
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - cut_bits - 1;
    return static_cast<std::size_t>((shift + 1) * cuts + ((value >> shift) - cuts));
  }

  static std::uint64_t middle_of(std::size_t index) {
    if (index < cuts) return index;
    const std::size_t shift = index / cuts - 1;
    return ((cuts + index % cuts) << shift) + ((std::uint64_t{1} << shift) >> 1);
  }

  std::array<std::uint64_t, (64 - cut_bits + 1) * cuts> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t largest_ = 0;
};

}  // namespace sluice::bench
