#include "balance/check_state.hpp"

#include <utility>

namespace sluice::balance {

check_state::change check_state::note(bool good) noexcept {
  const bool first = !std::exchange(known_, true);
  if (good == up_) {
    against_ = 0;
    in_a_row_ = 0;
    return change::none;
  }
  in_a_row_ = ++against_;
  if (!first && against_ < (up_ ? fall_ : rise_)) return change::none;
  up_ = good;
  against_ = 0;
  return up_ ? change::up : change::down;
}

}  // namespace sluice::balance
