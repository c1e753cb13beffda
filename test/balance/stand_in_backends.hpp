#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "balance/policy.hpp"

namespace sluice::test {

/// Backends as a policy sees them, with everything it may ask set by the test. All are candidates at first.
class stand_in_backends final : public balance::candidates {
 public:
  explicit stand_in_backends(std::size_t n) : sessions(n), latency(n) {}

  bool operator()(std::size_t backend) const noexcept override {
    ++asked;
    return out.count(backend) == 0;
  }
  std::uint32_t active(std::size_t backend) const noexcept override {
    ++asked;
    return sessions[backend];
  }
  double latency_ns(std::size_t backend) const noexcept override {
    ++asked;
    return latency[backend];
  }

  std::set<std::size_t> out;
  std::vector<std::uint32_t> sessions;
  std::vector<double> latency;
  mutable std::size_t asked = 0;  ///< questions of every kind
};

/// Names "b0", "b1" ... with these weights, as a policy is made over them.
class named_backends {
 public:
  explicit named_backends(std::vector<std::uint32_t> weights) {
    names_.reserve(weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i) add("b" + std::to_string(i), weights[i]);
  }

  void add(std::string name, std::uint32_t weight) {
    names_.push_back(std::make_unique<std::string>(std::move(name)));
    all.push_back({*names_.back(), weight});
  }

  std::vector<balance::policy_backend> all;

 private:
  std::vector<std::unique_ptr<std::string>> names_;  // the views above stay good as it grows
};

inline std::unique_ptr<balance::policy> policy_of(const balance::policy_settings& settings,
                                                  const std::vector<balance::policy_backend>& backends,
                                                  std::uint64_t start = 0) {
  return balance::plan_policy(settings, backends)(start);
}

inline named_backends alike(std::size_t n, std::uint32_t weight = 1) {
  return named_backends(std::vector<std::uint32_t>(n, weight));
}

/// Pearson's statistic: how far counts are from what the weights make of their sum. Weight 0 wants a count of 0.
inline double chi_square(const std::vector<std::uint32_t>& counts, const std::vector<std::uint32_t>& weights) {
  double sum = 0;
  double total_weight = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    sum += counts[i];
    total_weight += weights[i];
  }
  double result = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double wanted = sum * weights[i] / total_weight;
    if (wanted == 0)
      result += counts[i] == 0 ? 0 : 1e9;
    else
      result += (counts[i] - wanted) * (counts[i] - wanted) / wanted;
  }
  return result;
}

}  // namespace sluice::test
