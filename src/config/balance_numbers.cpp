#include "config/balance_numbers.hpp"

#include <string>

namespace sluice::conf {
namespace {

bool is_prime(std::uint32_t number) {
  if (number < 2) return false;
  for (std::uint64_t divisor = 2; divisor * divisor <= number; ++divisor)
    if (number % divisor == 0) return false;
  return true;
}

}  // namespace

std::optional<complaint> refuse_composite(std::uint32_t number) {
  if (is_prime(number)) return std::nullopt;
  std::uint32_t next = number;
  while (!is_prime(next)) ++next;
  return complaint{"bad-value", std::to_string(number) + " is no prime number",
                   "the next one is " + std::to_string(next)};
}

std::optional<complaint> refuse_below_mean(std::uint32_t percent) {
  if (percent == 0 || percent >= 100) return std::nullopt;
  return complaint{"bad-value", std::to_string(percent) + " percent of every share is less than all sessions need",
                   "100 or more, such as 125; 0 sets no bound"};
}

}  // namespace sluice::conf
