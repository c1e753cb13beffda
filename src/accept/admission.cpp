#include "accept/admission.hpp"

#include <algorithm>

namespace sluice::accept {

std::uint32_t admission::take(std::uint32_t wanted) noexcept {
  const std::uint32_t before = in_use_.fetch_add(wanted, std::memory_order_relaxed);
  if (before <= cap_ && wanted <= cap_ - before) return wanted;
  const std::uint32_t free = before < cap_ ? cap_ - before : 0;
  in_use_.fetch_sub(wanted - free, std::memory_order_relaxed);
  return free;
}

std::uint32_t connection_cap(std::size_t descriptor_limit, std::size_t listeners, std::size_t pipes,
                             std::size_t workers) noexcept {
  constexpr std::size_t everything_else = 128;
  const std::size_t taken = everything_else + listeners + 2 * pipes + 2 * workers;
  if (descriptor_limit < taken + 2) return 1;
  return static_cast<std::uint32_t>(std::min<std::size_t>((descriptor_limit - taken) / 2, 100'000'000));
}

std::uint32_t connection_cap_of_memory(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t of_a_session = 16 * 1024;
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(bytes / 2 / of_a_session, 1, 100'000'000));
}

}  // namespace sluice::accept
