#pragma once

#include <memory>
#include <utility>

#include "balance/weighted_draw.hpp"

namespace sluice::balance {

/// Any, by chance in proportion to the weights.
class random_choice final : public policy {
 public:
  explicit random_choice(std::shared_ptr<const weighted_draw> all) : all_(std::move(all)) {}
  std::size_t pick(const pick_request& request, const candidates& from) noexcept override;

 private:
  std::shared_ptr<const weighted_draw> all_;
};

/// The same, with the client's key in place of chance: a client keeps its backend while the list and the weights stay.
/// A backend that is no candidate moves its own clients, by weight, and they come back with it. A list that changes
/// moves a large part of all clients, as a remainder by the number of backends would: that is what maglev is for.
class source_hash final : public policy {
 public:
  /// all: in the order of names, so that instances whose lists differ in order agree.
  explicit source_hash(std::shared_ptr<const weighted_draw> all) : all_(std::move(all)) {}
  std::size_t pick(const pick_request& request, const candidates& from) noexcept override;

 private:
  std::shared_ptr<const weighted_draw> all_;
};

/// Two by chance and weight; of these the one with fewer sessions a unit of weight. The first drawn at a tie, so that
/// an idle service is shared by weight, too.
class power_of_two final : public policy {
 public:
  explicit power_of_two(std::shared_ptr<const weighted_draw> all) : all_(std::move(all)) {}
  std::size_t pick(const pick_request& request, const candidates& from) noexcept override;

 private:
  std::shared_ptr<const weighted_draw> all_;
};

/// Two by chance and weight; of these the one whose latency times (sessions + 1), a unit of weight, is less. A backend
/// that was never measured is tried by one session first, and by no other while a measured one is at hand.
///
/// Two and not the best of all: workers that choose at the same moment would all send their clients to that one.
class ewma final : public policy {
 public:
  explicit ewma(std::shared_ptr<const weighted_draw> all) : all_(std::move(all)) {}
  std::size_t pick(const pick_request& request, const candidates& from) noexcept override;

 private:
  std::shared_ptr<const weighted_draw> all_;
};

}  // namespace sluice::balance
