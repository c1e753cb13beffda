#pragma once

#include <cstdint>
#include <optional>

#include "config/quantity.hpp"

namespace sluice::conf {

/// A Maglev table whose size is no prime: some backends would never come to some slots. The hint names the next prime.
std::optional<complaint> refuse_composite(std::uint32_t number);

/// A bound on the load that is below the mean, so that not all sessions would fit; 0 stands for no bound.
std::optional<complaint> refuse_below_mean(std::uint32_t percent);

}  // namespace sluice::conf
