#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "balance/policy.hpp"

namespace sluice::balance {

/// The backend with the fewest sessions a unit of weight. Among equals chance decides, by weight: workers that choose
/// at the same moment do not all take the first, and an idle service is shared by weight.
class least_connections final : public policy {
 public:
  explicit least_connections(std::span<const policy_backend> backends);
  std::size_t pick(const pick_request& request, const candidates& from) noexcept override;

 private:
  struct entry {
    std::size_t backend;
    std::uint32_t weight;
  };
  std::vector<entry> entries_;
};

/// The first candidate in the order of the configuration: one is filled before the next is used. What is full is no
/// candidate.
class first_fit final : public policy {
 public:
  explicit first_fit(std::span<const policy_backend> backends);
  std::size_t pick(const pick_request& request, const candidates& from) noexcept override;

 private:
  std::vector<std::size_t> backends_;
};

}  // namespace sluice::balance
