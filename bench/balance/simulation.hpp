#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "balance/policy.hpp"

namespace sluice::simulation {

inline constexpr std::int64_t millisecond = 1'000'000;
inline constexpr std::int64_t second = 1'000 * millisecond;

/// Ten alike, but for these three.
inline constexpr std::size_t backends = 10;
inline constexpr std::size_t slow = 3;   ///< takes four times as long to serve, twenty times to answer
inline constexpr std::size_t dying = 6;  ///< from `dies_at` to `revives_at` it refuses, and its sessions are lost
inline constexpr std::size_t fresh = 9;  ///< joins at `joins_at`

inline constexpr std::int64_t length = 60 * second;
inline constexpr std::int64_t dies_at = 15 * second;
inline constexpr std::int64_t joins_at = 30 * second;
inline constexpr std::int64_t revives_at = 40 * second;
inline constexpr std::int64_t sample_every = second / 4;
inline constexpr std::uint32_t arrivals_a_second = 200;
inline constexpr std::size_t clients = 1'000;
/// Of a backend, with the policy `first`, which needs one.
inline constexpr std::uint32_t cap_with_first = 20;

/// What became of one policy.
struct outcome {
  std::array<std::vector<std::uint32_t>, backends> active;  ///< sessions at every sample
  std::array<std::uint32_t, backends> served{};             ///< sessions that were connected
  std::uint32_t refused = 0;                                ///< connects that had to be tried elsewhere
  std::uint32_t cut = 0;                                    ///< sessions lost when the dying one died
  std::uint32_t turned_away = 0;                            ///< clients for whom no backend had room
  std::int64_t mean_stay_ns = 0;                            ///< from the connect to the end, of those that ended well
};

/// One minute of it. The same figures every time, on every machine.
outcome simulate(const balance::policy_settings& settings);

/// Percent of the clients whose backend is another one once the fresh one has joined; for policies that hash.
std::uint32_t clients_moved_by_joining(const balance::policy_settings& settings);

}  // namespace sluice::simulation
