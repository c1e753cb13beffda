#pragma once

#include <cstdint>

namespace sluice::balance {

/// What checks say of a backend: up or down, by so many results in a row against what it was. The first result of all
/// decides alone. Thread: the caller's.
class check_state {
 public:
  enum class change : std::uint8_t { none, up, down };

  check_state(std::uint32_t rise, std::uint32_t fall) noexcept : rise_(rise), fall_(fall) {}

  change note(bool good) noexcept;

  /// Until the first result it is taken to be up.
  bool is_up() const noexcept { return up_; }
  /// The last result contradicts the state: time to look again soon.
  bool in_doubt() const noexcept { return against_ > 0; }
  /// Results in a row against the state; of those that changed it, right after note() did.
  std::uint32_t in_a_row() const noexcept { return in_a_row_; }

 private:
  std::uint32_t rise_;
  std::uint32_t fall_;
  std::uint32_t against_ = 0;
  std::uint32_t in_a_row_ = 0;
  bool up_ = true;
  bool known_ = false;
};

}  // namespace sluice::balance
