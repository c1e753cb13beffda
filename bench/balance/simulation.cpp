#include "simulation.hpp"

#include <functional>
#include <memory>
#include <queue>
#include <utility>

#include "balance/backend_state.hpp"
#include "balance/hash.hpp"
#include "balance/random_source.hpp"

namespace sluice::simulation {
namespace {

constexpr std::size_t workers = 2;
constexpr std::int64_t usual_stay = second / 2;
constexpr std::int64_t usual_connect = 1 * millisecond;
constexpr std::int64_t decay = 10 * second;

struct event {
  enum class kind : std::uint8_t { arrives, connected, ends };
  std::int64_t at;
  kind what;
  std::size_t backend;
  std::int64_t begun;
  std::uint32_t life;  ///< of the backend: a session of an earlier one was cut

  bool operator>(const event& other) const noexcept { return at > other.at; }
};

class world final : public balance::candidates {
 public:
  explicit world(const balance::policy_settings& settings) : settings_(settings) {
    for (std::size_t i = 0; i < backends; ++i) names_[i] = "10.0.0." + std::to_string(i + 1) + ":80";
    enroll(backends - 1);
  }

  outcome run() {
    schedule({0, event::kind::arrives, 0, 0, 0});
    for (std::int64_t sample = 0; sample < length; sample += sample_every) {
      while (events_.top().at < sample + sample_every) {
        const event next = events_.top();
        events_.pop();
        now_ = next.at;
        live(next);
      }
      for (std::size_t i = 0; i < backends; ++i) result_.active[i].push_back(states_[i].active());
    }
    if (ended_ > 0) result_.mean_stay_ns = stays_ / ended_;
    return std::move(result_);
  }

  bool operator()(std::size_t backend) const noexcept override {
    if (tried_[backend] || (is_resting_banned_ && states_[backend].resting(now_))) return false;
    return settings_.kind != balance_policy::first || states_[backend].active() < cap_with_first;
  }
  std::uint32_t active(std::size_t backend) const noexcept override { return states_[backend].active(); }
  double latency_ns(std::size_t backend) const noexcept override { return states_[backend].latency.at(now_, decay); }

 private:
  void schedule(const event& one) { events_.push(one); }

  /// The first n are the service's backends from now on.
  void enroll(std::size_t n) {
    std::vector<balance::policy_backend> members;
    for (std::size_t i = 0; i < n; ++i) members.push_back({names_[i], 1});
    const balance::policy_maker plan = balance::plan_policy(settings_, members);
    for (std::size_t i = 0; i < workers; ++i) policies_[i] = plan(i);
    enrolled_ = n;
  }

  bool is_dead(std::size_t backend) const noexcept { return backend == dying && now_ >= dies_at && now_ < revives_at; }

  void live(const event& one) {
    if (enrolled_ < backends && now_ >= joins_at) enroll(backends);
    if (now_ >= dies_at && life_of_dying_ == 0) die();
    const bool lost = one.what != event::kind::arrives && one.backend == dying && one.life != life_of_dying_;
    if (lost) return;
    switch (one.what) {
      case event::kind::arrives:
        // Evenly but for some jitter: bursts would be seen as the policies' doing.
        schedule({now_ + around(second / arrivals_a_second), event::kind::arrives, 0, 0, 0});
        serve_client();
        break;
      case event::kind::connected: {
        balance::backend_state& state = states_[one.backend];
        state.connect_succeeded(now_);
        state.latency.observe(now_ - one.begun, now_, decay);
        ++result_.served[one.backend];
        schedule({now_ + around(one.backend == slow ? 4 * usual_stay : usual_stay), event::kind::ends, one.backend,
                  now_, one.life});
        break;
      }
      case event::kind::ends:
        states_[one.backend].session_ends();
        stays_ += now_ - one.begun;
        ++ended_;
        break;
    }
  }

  void die() {
    life_of_dying_ = 1;
    for (; states_[dying].active() > 0; states_[dying].session_ends()) ++result_.cut;
  }

  void serve_client() {
    // Some clients come far more often than others.
    const std::uint64_t busy = chance_.below(clients);
    const std::uint64_t key = balance::hash_of(std::to_string(busy * chance_.below(clients) / clients));
    balance::policy& policy = *policies_[turn_++ % workers];
    tried_ = {};
    for (;;) {
      const balance::pick_request request{now_, chance_.next(), key};
      is_resting_banned_ = true;
      std::size_t chosen = policy.pick(request, *this);
      if (chosen == balance::no_backend) {
        is_resting_banned_ = false;
        chosen = policy.pick(request, *this);
      }
      if (chosen == balance::no_backend) {
        ++result_.turned_away;
        return;
      }
      if (!is_dead(chosen)) {
        states_[chosen].session_begins(0);
        schedule({now_ + around(chosen == slow ? 20 * usual_connect : usual_connect), event::kind::connected, chosen,
                  now_, chosen == dying ? life_of_dying_ : 0});
        return;
      }
      ++result_.refused;
      states_[chosen].connect_failed(now_);
      tried_[chosen] = true;
    }
  }

  /// Half of it more or less.
  std::int64_t around(std::int64_t mean) {
    return mean / 2 + static_cast<std::int64_t>(chance_.below(static_cast<std::uint64_t>(mean)));
  }

  balance::policy_settings settings_;
  std::array<std::string, backends> names_;
  std::array<balance::backend_state, backends> states_;
  std::array<std::unique_ptr<balance::policy>, workers> policies_;
  std::priority_queue<event, std::vector<event>, std::greater<>> events_;
  balance::random_source chance_{1};
  outcome result_;
  std::int64_t now_ = 0;
  std::int64_t stays_ = 0;
  std::int64_t ended_ = 0;
  std::size_t enrolled_ = 0;
  std::size_t turn_ = 0;
  std::uint32_t life_of_dying_ = 0;
  std::array<bool, backends> tried_{};
  bool is_resting_banned_ = true;
};

}  // namespace

outcome simulate(const balance::policy_settings& settings) { return world(settings).run(); }

}  // namespace sluice::simulation
