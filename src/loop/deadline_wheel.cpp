#include "loop/deadline_wheel.hpp"

#include <algorithm>
#include <bit>

namespace sluice::loop {
namespace {

/// The bits above `bit`, which is below 64.
std::uint64_t bits_above(std::uint64_t bit) noexcept { return ~std::uint64_t{1} << bit; }

}  // namespace

void deadline_link::unlink() noexcept {
  previous_->next_ = next_;
  next_->previous_ = previous_;
  next_ = nullptr;
  previous_ = nullptr;
}

deadline_list::deadline_list() noexcept {
  next_ = this;
  previous_ = this;
}

deadline_list::~deadline_list() {
  while (pop() != nullptr) {
  }
}

bool deadline_list::empty() const noexcept { return next_ == this; }

void deadline_list::push(deadline& entry) noexcept {
  deadline_link& link = entry;
  link.next_ = this;
  link.previous_ = previous_;
  previous_->next_ = &link;
  previous_ = &link;
}

deadline* deadline_list::pop() noexcept {
  if (empty()) return nullptr;
  auto* first = static_cast<deadline*>(next_);
  first->unlink();
  return first;
}

void deadline_list::take(deadline_list& other) noexcept {
  if (other.empty()) return;
  other.next_->previous_ = previous_;
  other.previous_->next_ = this;
  previous_->next_ = other.next_;
  previous_ = other.previous_;
  other.next_ = &other;
  other.previous_ = &other;
}

deadline_wheel::deadline_wheel(time_ns now) noexcept : now_(now), tick_(static_cast<std::uint64_t>(now) >> tick_bits) {}

void deadline_wheel::file(deadline& entry, time_ns due) noexcept {
  entry.cancel();
  entry.due_ = due;
  if (due == never) return;
  if (due <= now_)
    past_.push(entry);
  else
    place(entry);
}

time_ns deadline_wheel::next_wake() const noexcept {
  if (!past_.empty() || !firing_.empty()) return now_;
  for (std::size_t level = 0; level < levels; ++level) {
    const std::uint64_t here = tick_ >> (slot_bits * level);
    // Nothing is filed at or behind the current slot, so the first one found is the next.
    while (occupied_[level] != 0) {
      const auto slot = static_cast<std::uint64_t>(std::countr_zero(occupied_[level]));
      if (slots_[level][slot].empty()) {
        occupied_[level] &= ~(std::uint64_t{1} << slot);
        continue;
      }
      const std::uint64_t begins = ((here & ~std::uint64_t{slots - 1}) | slot) << (slot_bits * level);
      return static_cast<time_ns>(std::min(begins << tick_bits, static_cast<std::uint64_t>(never)));
    }
  }
  return never;
}

std::uint64_t deadline_wheel::tick_at_or_after(time_ns due) noexcept {
  const auto time = static_cast<std::uint64_t>(due);
  return (time + (std::uint64_t{1} << tick_bits) - 1) >> tick_bits;
}

/// The entry is due after now_, hence in a tick after tick_.
void deadline_wheel::place(deadline& entry) noexcept {
  const std::uint64_t tick = tick_at_or_after(entry.due_);
  const auto level = (static_cast<unsigned>(std::bit_width(tick ^ tick_)) - 1) / slot_bits;
  const std::uint64_t slot = (tick >> (slot_bits * level)) & (slots - 1);
  slots_[level][slot].push(entry);
  occupied_[level] |= std::uint64_t{1} << slot;
}

/// Fills firing_. Every slot whose beginning the wheel passes is emptied; of a slot of a higher level some entries are
/// due and the others are placed anew, at a lower level. If no slot of a level begins in between, none of the levels
/// above does.
void deadline_wheel::collect(time_ns now) noexcept {
  firing_.take(past_);
  if (now <= now_) return;
  now_ = now;
  const std::uint64_t target = static_cast<std::uint64_t>(now) >> tick_bits;
  deadline_list passed;
  for (std::size_t level = 0; level < levels; ++level) {
    const std::uint64_t from = tick_ >> (slot_bits * level);
    const std::uint64_t to = target >> (slot_bits * level);
    if (from == to) break;
    const bool same_round = from >> slot_bits == to >> slot_bits;
    const std::uint64_t reached = same_round ? ~bits_above(to & (slots - 1)) : ~std::uint64_t{0};
    for (std::uint64_t left = occupied_[level] & reached; left != 0; left &= left - 1)
      passed.take(slots_[level][static_cast<std::size_t>(std::countr_zero(left))]);
    occupied_[level] &= ~reached;
  }
  tick_ = target;
  while (deadline* entry = passed.pop()) {
    if (tick_at_or_after(entry->due_) <= tick_)
      firing_.push(*entry);
    else
      place(*entry);
  }
}

}  // namespace sluice::loop
