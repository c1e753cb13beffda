#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "sluice/config.hpp"

namespace sluice::balance {

inline constexpr std::size_t no_backend = static_cast<std::size_t>(-1);

/// What one pick may depend on. The caller passes time, load and chance: policies have no clock and no state but their
/// own.
struct pick_request {
  std::int64_t now_ns = 0;     ///< monotonic
  std::uint64_t random = 0;    ///< uniform
  std::uint64_t hash_key = 0;  ///< of the client address
};

/// Answers which backends of a service may be picked now. The caller knows health, rest and what was tried already.
class eligibility {
 public:
  virtual bool operator()(std::size_t backend) const noexcept = 0;

 protected:
  ~eligibility() = default;
};

/// Chooses a backend of one service. One object a worker and service: no locks, no atomics.
class policy {
 public:
  virtual ~policy() = default;
  /// The index of a backend for which eligible() holds, or no_backend. Allocates nothing.
  virtual std::size_t pick(const pick_request& request, const eligibility& eligible) noexcept = 0;
};

/// weights: one a backend, at least one of them not 0. A weight of 0 is never picked.
///
/// start sets policies that go in a sequence so many picks ahead. Give each worker its number: otherwise they all send
/// their first clients to the same backend.
std::unique_ptr<policy> make_policy(balance_policy kind, std::span<const std::uint32_t> weights,
                                    std::uint64_t start = 0);

}  // namespace sluice::balance
