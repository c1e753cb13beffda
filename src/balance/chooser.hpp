#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sluice/config.hpp"

#include "balance/policy.hpp"

namespace sluice::balance {

/// What is known of a backend. `doubtful`: it failed and rests, but nobody says that it is down; it is tried when
/// nothing better is left.
enum class condition : std::uint8_t { well, doubtful, down };

/// One backend as the chooser sees it at one moment.
struct standing {
  condition health = condition::well;
  bool reachable = true;  ///< it has an address, and this session has not tried it yet
  bool full = false;      ///< it has as many sessions as it may
};

/// What the chooser may ask about the backends of a service, by their index.
class facts {
 public:
  virtual standing of(std::size_t backend) const noexcept = 0;
  /// Its sessions, of all workers, those that are connecting included.
  virtual std::uint32_t active(std::size_t backend) const noexcept = 0;
  /// How long it takes to answer, as far as is known now; 0: nothing is known.
  virtual double latency_ns(std::size_t) const noexcept { return 0; }
  /// When it came back after it had been gone; 0: it was never gone, or is not slowed down.
  virtual std::int64_t recovered_at(std::size_t backend) const noexcept = 0;
  /// When a rest that it takes ends by itself; 0: it takes none.
  virtual std::int64_t rests_until(std::size_t backend) const noexcept = 0;

 protected:
  ~facts() = default;
};

/// One backend as a chooser is made for it.
struct choosable {
  std::string_view name;
  std::uint32_t weight = 1;    ///< 0 is never chosen
  std::uint32_t priority = 0;  ///< its group; the lowest comes first
  bool backup = false;         ///< only when no other is left
};

struct chooser_settings {
  policy_settings policy;
  std::uint32_t overflow = 70;  ///< percent: a group with less of its weight well passes sessions on to the next one
  std::uint32_t panic = 0;      ///< percent: with less of all weight well, health is not asked
  std::int64_t slow_start_ns = 0;
};

/// What the choosers of all workers share and never change: the tiers, and how their policies are made.
struct chooser_plan {
  struct tier {
    policy_maker make;
    std::vector<std::size_t> members;
    std::uint64_t weight = 0;
    bool backup = false;
  };

  chooser_settings settings;
  std::vector<tier> tiers;  ///< in order, the backups last; none without weight
  std::vector<std::uint32_t> weights;
};

/// Refers to nothing that is passed here. Thread: any.
std::shared_ptr<const chooser_plan> plan_chooser(const chooser_settings& settings, std::span<const choosable> backends);

/// What came of a choice: a backend; or everyone who could be chosen is full; or there is nobody.
struct choice {
  enum class kind : std::uint8_t { backend, all_full, none };
  kind what = kind::none;
  std::size_t backend = no_backend;
  bool doubtful = false;  ///< it is not well: chosen for want of a better one
};

/// The share of its turns that a backend takes so long after it came back: from 1 % up to all of them, 1.
double ramp_share(std::int64_t now_ns, std::int64_t recovered_at_ns, std::int64_t slow_start_ns) noexcept;

/// Who may be chosen, and of those the one that the policy picks. One object a worker and service: no locks, no clock.
///
/// Backends stand in tiers: the groups of `priority`, lowest first, then the backups. A group takes all sessions while
/// at least `overflow` percent of its weight is well; below that it takes well / overflow of them, and the rest goes to
/// the next group, which does the same (Envoy's priority levels). Backups get sessions only when no other backend is
/// well. When nobody is well, those that merely rest are tried in the same order. A group that is full passes on to the
/// next one, but never to the backups: those stand in for backends that are gone, not for busy ones.
///
/// What is well is counted again only when `epoch` (any number that changes with the health of a backend) has changed
/// or a rest is over: a choice is otherwise one pick of one policy.
class chooser {
 public:
  /// start: as for a policy_maker.
  explicit chooser(std::shared_ptr<const chooser_plan> plan, std::uint64_t start = 0);

  /// settle: those that are not well are chosen too when nobody is. Allocates nothing.
  choice choose(const pick_request& request, const facts& about, std::uint64_t epoch, bool settle = true) noexcept;

 private:
  struct tier {
    const chooser_plan::tier* plan = nullptr;
    std::unique_ptr<policy> picks;
    double share = 0;  ///< of the sessions, 0 to 1
    std::uint64_t well = 0;
  };

  void count_health(std::int64_t now_ns, const facts& about) noexcept;
  void divide() noexcept;
  std::size_t tier_for(std::uint64_t random) const noexcept;
  std::size_t pick(tier& from, const pick_request& request, const facts& about, condition worst) noexcept;
  bool is_full(const tier& of, const facts& about, condition worst) const noexcept;
  choice choose_among(const pick_request& request, const facts& about, condition worst) noexcept;

  std::shared_ptr<const chooser_plan> plan_;
  std::vector<tier> tiers_;
  std::optional<std::uint64_t> epoch_;
  std::int64_t count_again_at_ = 0;
  bool panics_ = false;
  bool one_takes_all_ = false;  ///< the first tier has a share of 1
};

}  // namespace sluice::balance
