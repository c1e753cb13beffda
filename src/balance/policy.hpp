#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "sluice/config.hpp"

namespace sluice::balance {

inline constexpr std::size_t no_backend = static_cast<std::size_t>(-1);

/// What one pick may depend on. The caller passes time, load and chance: policies have no clock and no state but their
/// own.
struct pick_request {
  std::int64_t now_ns = 0;     ///< monotonic
  std::uint64_t random = 0;    ///< uniform
  std::uint64_t hash_key = 0;  ///< of the client, uniform: see hash.hpp
};

/// What a policy may ask about the backends of a service, by their index. The caller knows health, rest, caps and what
/// was tried already. Loads are those of all workers together.
class candidates {
 public:
  /// Whether it may be picked now.
  virtual bool operator()(std::size_t backend) const noexcept = 0;
  /// Its sessions, those that are connecting included.
  virtual std::uint32_t active(std::size_t backend) const noexcept = 0;
  /// How long it takes to answer, as far as is known now; 0: nothing is known.
  virtual double latency_ns(std::size_t) const noexcept { return 0; }

 protected:
  ~candidates() = default;
};

/// One backend as a policy is made for it.
struct policy_backend {
  std::string_view name;     ///< the same in every process that balances over it; read only while the policy is made
  std::uint32_t weight = 1;  ///< 0 is never picked
};

/// Chooses a backend of one service. One object a worker and service: no locks, no atomics.
class policy {
 public:
  virtual ~policy() = default;
  /// The index of a backend that is a candidate, or no_backend. Allocates nothing.
  virtual std::size_t pick(const pick_request& request, const candidates& from) noexcept = 0;
};

/// What a service says of its policy.
struct policy_settings {
  balance_policy kind = balance_policy::round_robin;
  maglev_config maglev;
};

/// Makes the policy of one worker. start sets policies that go in a sequence so many picks ahead. Give each worker its
/// number: otherwise they all send their first clients to the same backend. Thread: any.
using policy_maker = std::function<std::unique_ptr<policy>(std::uint64_t start)>;

/// Makes what the policies of all workers share and never change (a large table takes milliseconds, so not on a
/// worker), and says how the rest is made. The maker refers to nothing that is passed here.
policy_maker plan_policy(const policy_settings& settings, std::span<const policy_backend> backends);

}  // namespace sluice::balance
