#include <string>

#include "simulation.hpp"

#include "balance/hash.hpp"

namespace sluice::simulation {
namespace {

struct everyone final : balance::candidates {
  bool operator()(std::size_t) const noexcept override { return true; }
  std::uint32_t active(std::size_t) const noexcept override { return 0; }
};

}  // namespace

std::uint32_t clients_moved_by_joining(const balance::policy_settings& settings) {
  std::array<std::string, backends> names;
  std::vector<balance::policy_backend> members;
  for (std::size_t i = 0; i < backends; ++i) {
    names[i] = "10.0.0." + std::to_string(i + 1) + ":80";
    members.push_back({names[i], 1});
  }
  const auto after = balance::plan_policy(settings, members)(0);
  members.pop_back();
  const auto before = balance::plan_policy(settings, members)(0);
  std::uint32_t moved = 0;
  for (std::size_t i = 0; i < clients; ++i) {
    const balance::pick_request request{0, 0, balance::hash_of(std::to_string(i))};
    if (before->pick(request, everyone()) != after->pick(request, everyone())) ++moved;
  }
  return static_cast<std::uint32_t>(moved * 100 / clients);
}

}  // namespace sluice::simulation
