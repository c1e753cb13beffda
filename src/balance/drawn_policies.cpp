#include "balance/drawn_policies.hpp"

#include <cstdint>

namespace sluice::balance {
namespace {

/// Above every latency, in nanoseconds: 30 years.
constexpr double unknown_latency = 1e18;

double cost_of(const candidates& from, std::size_t backend, std::uint32_t weight) noexcept {
  const std::uint32_t active = from.active(backend);
  double latency = from.latency_ns(backend);
  if (latency == 0) {
    if (active == 0) return 0;
    latency = unknown_latency;
  }
  return latency * (static_cast<double>(active) + 1) / weight;
}

}  // namespace

std::size_t random_choice::pick(const pick_request& request, const candidates& from) noexcept {
  random_source chance(request.random);
  return all_->draw(chance, from).backend;
}

std::size_t source_hash::pick(const pick_request& request, const candidates& from) noexcept {
  random_source of_client(request.hash_key);
  return all_->draw(of_client, from).backend;
}

std::size_t power_of_two::pick(const pick_request& request, const candidates& from) noexcept {
  random_source chance(request.random);
  const weighted_draw::drawn first = all_->draw(chance, from);
  if (first.backend == no_backend) return no_backend;
  const std::size_t other = all_->draw_another(chance, from, first);
  if (other == no_backend) return first.backend;
  const std::uint64_t load_of_first = std::uint64_t{from.active(first.backend)} * all_->weight_of(other);
  const std::uint64_t load_of_other = std::uint64_t{from.active(other)} * all_->weight_of(first.backend);
  return load_of_other < load_of_first ? other : first.backend;
}

std::size_t ewma::pick(const pick_request& request, const candidates& from) noexcept {
  random_source chance(request.random);
  const weighted_draw::drawn first = all_->draw(chance, from);
  if (first.backend == no_backend) return no_backend;
  const std::size_t other = all_->draw_another(chance, from, first);
  if (other == no_backend) return first.backend;
  const double cost_of_first = cost_of(from, first.backend, all_->weight_of(first.backend));
  return cost_of(from, other, all_->weight_of(other)) < cost_of_first ? other : first.backend;
}

}  // namespace sluice::balance
