#pragma once

#include <cstdint>

#include "balance/wide.hpp"

namespace sluice::balance {

/// Steele, Lea and Flood's SplitMix64 (OOPSLA 2014): numbers that pass the usual tests of chance, the same from the
/// same seed on every machine. No secret: who sees its numbers can tell the next.
class random_source {
 public:
  explicit random_source(std::uint64_t seed) noexcept : state_(seed) {}

  /// Uniform.
  std::uint64_t next() noexcept {
    state_ += 0x9E3779B97F4A7C15;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EB;
    return mixed ^ (mixed >> 31U);
  }

  /// From 0 to bound - 1, by a multiplication where others divide.
  std::uint64_t below(std::uint64_t bound) noexcept {
    return static_cast<std::uint64_t>((static_cast<wide>(next()) * bound) >> 64U);
  }

 private:
  std::uint64_t state_;
};

}  // namespace sluice::balance
