#include "balance/chooser.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "balance/random_source.hpp"

namespace sluice::balance {
namespace {

/// What a policy may pick now: backends of at least this health, but not the one that just gave up its turn.
class admitted final : public candidates {
 public:
  admitted(const facts& about, condition worst, std::size_t but = no_backend) noexcept
      : about_(about), worst_(worst), but_(but) {}

  bool operator()(std::size_t backend) const noexcept override {
    const standing now = about_.of(backend);
    return now.health <= worst_ && now.reachable && !now.full && backend != but_;
  }
  std::uint32_t active(std::size_t backend) const noexcept override { return about_.active(backend); }
  double latency_ns(std::size_t backend) const noexcept override { return about_.latency_ns(backend); }

 private:
  const facts& about_;
  condition worst_;
  std::size_t but_;
};

/// Another uniform number out of one: a session's second throw of the dice.
std::uint64_t next_random(std::uint64_t value) noexcept { return random_source(value).next(); }

/// 0 to 1, without 1.
double fraction(std::uint64_t random) noexcept { return static_cast<double>(random >> 11U) * 0x1.0p-53; }

constexpr double smallest_ramp = 0.01;

}  // namespace

double ramp_share(std::int64_t now_ns, std::int64_t recovered_at_ns, std::int64_t slow_start_ns) noexcept {
  const std::int64_t since = now_ns - recovered_at_ns;
  if (recovered_at_ns == 0 || since >= slow_start_ns) return 1;
  return std::max(static_cast<double>(since) / static_cast<double>(slow_start_ns), smallest_ramp);
}

std::shared_ptr<const chooser_plan> plan_chooser(const chooser_settings& settings,
                                                 std::span<const choosable> backends) {
  auto plan = std::make_shared<chooser_plan>();
  plan->settings = settings;
  std::map<std::pair<bool, std::uint32_t>, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < backends.size(); ++i) {
    plan->weights.push_back(backends[i].weight);
    if (backends[i].weight != 0) groups[{backends[i].backup, backends[i].priority}].push_back(i);
  }
  for (auto& [place, members] : groups) {
    // Every policy knows all backends, so that an index means the same to all; those of other tiers have weight 0.
    std::vector<policy_backend> known;
    for (const choosable& one : backends)
      known.push_back({one.name, std::pair(one.backup, one.priority) == place ? one.weight : 0});
    chooser_plan::tier made{plan_policy(settings.policy, known), {}, 0, place.first};
    for (const std::size_t member : members) made.weight += backends[member].weight;
    made.members = std::move(members);
    plan->tiers.push_back(std::move(made));
  }
  return plan;
}

chooser::chooser(std::shared_ptr<const chooser_plan> plan, std::uint64_t start) : plan_(std::move(plan)) {
  for (const chooser_plan::tier& one : plan_->tiers) tiers_.push_back({&one, one.make(start), 0, 0});
}

choice chooser::choose(const pick_request& request, const facts& about, std::uint64_t epoch, bool settle) noexcept {
  if (epoch_ != epoch || request.now_ns >= count_again_at_) {
    epoch_ = epoch;
    count_health(request.now_ns, about);
  }
  if (panics_) return choose_among(request, about, condition::down);
  const choice best = choose_among(request, about, condition::well);
  if (best.what != choice::kind::none || !settle) return best;
  return choose_among(request, about, condition::doubtful);
}

choice chooser::choose_among(const pick_request& request, const facts& about, condition worst) noexcept {
  const auto chosen = [&](std::size_t backend) {
    return choice{choice::kind::backend, backend,
                  worst != condition::well && about.of(backend).health != condition::well};
  };
  std::size_t asked = tiers_.size();
  if (worst == condition::well && !tiers_.empty()) {
    asked = one_takes_all_ ? 0 : tier_for(request.random);
    if (asked < tiers_.size()) {
      const std::size_t backend = pick(tiers_[asked], request, about, worst);
      if (backend != no_backend) return chosen(backend);
    }
  }
  bool full = asked < tiers_.size() && is_full(tiers_[asked], about, worst);
  for (std::size_t i = 0; i < tiers_.size(); ++i) {
    if (i == asked || (tiers_[i].plan->backup && full)) continue;
    const std::size_t backend = pick(tiers_[i], request, about, worst);
    if (backend != no_backend) return chosen(backend);
    full = full || is_full(tiers_[i], about, worst);
  }
  return {full ? choice::kind::all_full : choice::kind::none, no_backend, false};
}

/// The tier that this session falls to by the shares.
std::size_t chooser::tier_for(std::uint64_t random) const noexcept {
  double at = fraction(next_random(random));
  for (std::size_t i = 0; i < tiers_.size(); ++i) {
    if (at < tiers_[i].share) return i;
    at -= tiers_[i].share;
  }
  return tiers_.size();
}

/// A backend that has just come back gives up a part of its turns, whatever policy gave them.
std::size_t chooser::pick(tier& from, const pick_request& request, const facts& about, condition worst) noexcept {
  const std::size_t first = from.picks->pick(request, admitted(about, worst));
  if (plan_->settings.slow_start_ns == 0 || first == no_backend) return first;
  const double share = ramp_share(request.now_ns, about.recovered_at(first), plan_->settings.slow_start_ns);
  if (share >= 1 || fraction(next_random(request.random ^ request.hash_key ^ first)) < share) return first;
  const std::size_t second = from.picks->pick(request, admitted(about, worst, first));
  return second == no_backend ? first : second;
}

bool chooser::is_full(const tier& of, const facts& about, condition worst) const noexcept {
  return std::any_of(of.plan->members.begin(), of.plan->members.end(), [&](std::size_t member) {
    const standing now = about.of(member);
    return now.full && now.reachable && now.health <= worst;
  });
}

void chooser::count_health(std::int64_t now_ns, const facts& about) noexcept {
  count_again_at_ = std::numeric_limits<std::int64_t>::max();
  std::uint64_t well = 0;
  std::uint64_t all = 0;
  for (tier& one : tiers_) {
    one.well = 0;
    for (const std::size_t member : one.plan->members) {
      if (about.of(member).health == condition::well) one.well += plan_->weights[member];
      const std::int64_t until = about.rests_until(member);
      if (until > now_ns) count_again_at_ = std::min(count_again_at_, until);
    }
    well += one.well;
    all += one.plan->weight;
  }
  panics_ = well * 100 < all * plan_->settings.panic;
  divide();
}

/// Shares the sessions out over the tiers by what is well in each.
void chooser::divide() noexcept {
  double left = 1;
  for (tier& one : tiers_) {
    one.share = 0;
    // Backups stand in only when nobody else is left.
    if (one.well == 0 || (one.plan->backup && left < 1)) continue;
    const double well = static_cast<double>(one.well) * 100 / static_cast<double>(one.plan->weight);
    one.share = well >= plan_->settings.overflow ? left : std::min(left, well / plan_->settings.overflow);
    left -= one.share;
  }
  // Nobody behind them to take the rest: they share all of it in proportion.
  const double given = 1 - left;
  for (tier& one : tiers_) {
    if (given > 0) one.share /= given;
  }
  one_takes_all_ = !tiers_.empty() && tiers_.front().share >= 1;
}

}  // namespace sluice::balance
