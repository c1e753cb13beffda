#include "balance/session_signs.hpp"

namespace sluice::balance {

bool session_signs::connect_failed(const passive_config& rules) noexcept {
  sessions_.fetch_add(1, std::memory_order_relaxed);
  failures_.fetch_add(1, std::memory_order_relaxed);
  return suspect(reason::connect_failures, failed_.fetch_add(1, std::memory_order_relaxed) + 1, rules.connect_failures);
}

bool session_signs::connected(std::int64_t began_ns) noexcept {
  sessions_.fetch_add(1, std::memory_order_relaxed);
  if (failed_.load(std::memory_order_relaxed) != 0) failed_.store(0, std::memory_order_relaxed);
  // To accept is no proof of a backend that accepts and then says nothing.
  return doubt_.load(std::memory_order_relaxed) == reason::connect_failures && succeeded(began_ns);
}

bool session_signs::ended_empty(const passive_config& rules) noexcept {
  failures_.fetch_add(1, std::memory_order_relaxed);
  return suspect(reason::empty_sessions, empty_.fetch_add(1, std::memory_order_relaxed) + 1, rules.empty_sessions);
}

bool session_signs::answered(std::int64_t began_ns) noexcept {
  if (empty_.load(std::memory_order_relaxed) != 0) empty_.store(0, std::memory_order_relaxed);
  return is_doubted() && succeeded(began_ns);
}

bool session_signs::suspect(reason why, std::uint32_t in_a_row, std::uint32_t limit) noexcept {
  if (is_ejected()) return false;
  if (!is_doubted() && (limit == 0 || in_a_row < limit)) return false;
  suspicion none{reason::none, 0};
  return suspected_.compare_exchange_strong(none, {why, in_a_row}, std::memory_order_relaxed);
}

/// The judge ends an ejection that is still on.
bool session_signs::succeeded(std::int64_t began_ns) noexcept {
  if (began_ns < doubted_since_.load(std::memory_order_relaxed)) return false;
  doubt_.store(reason::none, std::memory_order_relaxed);
  return is_ejected();
}

void session_signs::eject(reason why, std::int64_t now_ns) noexcept {
  doubted_since_.store(now_ns, std::memory_order_relaxed);
  doubt_.store(why, std::memory_order_relaxed);
  failed_.store(0, std::memory_order_relaxed);
  empty_.store(0, std::memory_order_relaxed);
  ejected_.store(true, std::memory_order_relaxed);
  let_go();
}

}  // namespace sluice::balance
