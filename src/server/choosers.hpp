#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "balance/chooser.hpp"
#include "balance/random_source.hpp"

namespace sluice::server {

/// A worker's choosers, one a service. Thread: its worker's.
class choosers {
 public:
  explicit choosers(std::uint64_t seed) noexcept : random_(seed) {}

  /// For another snapshot: one a service, none for those that go on where they are.
  void renew(std::vector<std::unique_ptr<balance::chooser>> fresh);

  balance::chooser& of(std::size_t service) noexcept { return *all_[service].chooses; }
  /// A session of the service begins here.
  void count(std::size_t service) noexcept { ++all_[service].begun; }
  /// How many did since the last question.
  std::uint64_t take_count(std::size_t service) noexcept { return std::exchange(all_[service].begun, 0); }
  /// A uniform number.
  std::uint64_t random() noexcept { return random_.next(); }

 private:
  struct entry {
    std::unique_ptr<balance::chooser> chooses;
    std::uint64_t begun = 0;
  };

  balance::random_source random_;
  std::vector<entry> all_;
};

}  // namespace sluice::server
