#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::balance {

/// How many further attempts the sessions of a service may make, so that an outage is not doubled by those who try
/// again: a share of its sessions, and a floor of 100 a second so that small services are never short of them. Up to 10
/// seconds of the floor are saved up, and it starts with so many. Asked only when an attempt has failed. Thread: any.
class retry_budget {
 public:
  /// percent: retries for a hundred sessions.
  explicit retry_budget(std::uint32_t percent) noexcept : percent_(percent) {}

  /// Takes one. sessions: how many began since the same caller asked last.
  bool take(std::int64_t now_ns, std::uint64_t sessions) noexcept;

 private:
  static constexpr std::int64_t one = 1'000;  ///< retries are counted in thousandths
  static constexpr std::int64_t floor_a_second = 100 * one;
  static constexpr std::int64_t most = 10 * floor_a_second;

  void earn(std::int64_t now_ns, std::uint64_t sessions) noexcept;

  std::uint32_t percent_;
  std::atomic<std::int64_t> left_{most};
  std::atomic<std::int64_t> paid_until_{0};  ///< the floor was added up to here
};

}  // namespace sluice::balance
