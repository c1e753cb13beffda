#include "relay/pipe_pool.hpp"

#include <algorithm>

namespace sluice::relay {
namespace {

/// The kernel's default pipe is 16 slots; a pipe over the user's page limit has two (pipe(7)). Less than the default is
/// not worth a fill.
constexpr std::uint32_t small_slots = 16;
constexpr std::uint32_t medium_slots = 64;

/// After the kernel refused a pipe, so many borrows are answered without asking again.
constexpr std::uint32_t refusals_after_no = 256;

}  // namespace

pipe_budget make_pipe_budget(const sys::pipe_limits& limits, std::size_t descriptor_limit,
                             std::size_t workers) noexcept {
  constexpr std::size_t unlimited_pages = 65'536;
  const std::size_t soft = limits.user_pages_soft == 0 ? unlimited_pages : limits.user_pages_soft;
  pipe_budget budget;
  budget.pages = (soft - soft / 8) / workers;
  budget.pipes = std::max<std::size_t>(std::min(budget.pages / small_slots, descriptor_limit / 32 / workers), 1);
  // Half of the pages go to large pipes: 1 MiB each if at least four of them fit, else 256 KiB, else none is large.
  const std::size_t for_large = budget.pages / 2;
  const std::size_t largest_slots = std::min<std::size_t>(limits.max_bytes / sys::page_size(), 256);
  const std::size_t slots = for_large >= 4 * largest_slots ? largest_slots : medium_slots;
  budget.large_bytes = slots > small_slots && for_large >= slots ? slots * sys::page_size() : 0;
  return budget;
}

pipe_pool::pipe_pool(const pipe_budget& budget, counters& counts) : budget_(budget), counts_(counts) {
  large_.reserve(budget.pipes);
  small_.reserve(budget.pipes);
}

pipe_pool::~pipe_pool() = default;

pipe* pipe_pool::borrow() noexcept {
  pipe* lent = nullptr;
  if (!large_.empty()) {
    lent = lend(large_);
  } else if (pipe* made = create(true); made != nullptr) {
    lent = made;
  } else if (!small_.empty()) {
    lent = lend(small_);
  } else {
    lent = create(false);
  }
  if (lent == nullptr) {
    counts_.pipes_refused.add();
    return nullptr;
  }
  counts_.pipes_in_use.add();
  return lent;
}

void pipe_pool::give_back(pipe* borrowed) noexcept {
  counts_.pipes_in_use.subtract();
  if (borrowed->bytes != 0) {
    counts_.pipes_killed.add();
    destroy(borrowed);
    return;
  }
  // Capacity was reserved for every pipe the budget allows: this cannot allocate.
  (borrowed->large ? large_ : small_).emplace_back(borrowed);
  counts_.pipes_cached.add();
}

void pipe_pool::trim() noexcept {
  std::size_t surplus = (std::min(least_cached_, cached()) + 1) / 2;
  // The oldest are at the front of each list; small ones go first.
  for (auto* list : {&small_, &large_}) {
    const std::size_t n = std::min(surplus, list->size());
    for (std::size_t i = 0; i < n; ++i) {
      counts_.pipes_cached.subtract();
      destroy((*list)[i].release());
    }
    list->erase(list->begin(), list->begin() + static_cast<std::ptrdiff_t>(n));
    surplus -= n;
  }
  least_cached_ = cached();
}

void pipe_pool::close_cached() noexcept {
  for (auto* list : {&small_, &large_}) {
    for (auto& idle : *list) destroy(idle.release());
    counts_.pipes_cached.subtract(list->size());
    list->clear();
  }
  least_cached_ = 0;
}

pipe* pipe_pool::lend(std::vector<std::unique_ptr<pipe>>& from) noexcept {
  pipe* lent = from.back().release();
  from.pop_back();
  counts_.pipes_cached.subtract();
  least_cached_ = std::min(least_cached_, cached());
  return lent;
}

pipe* pipe_pool::create(bool large) noexcept {
  const std::size_t bytes = large ? budget_.large_bytes : 0;
  const std::size_t slots = large ? bytes / sys::page_size() : small_slots;
  if (slots == 0 || pipes_ >= budget_.pipes || pages_ + slots > budget_.pages) return nullptr;
  if (large && large_pages_ + slots > budget_.pages / 2) return nullptr;
  std::uint32_t& unasked = large && refusals_left_ == 0 ? large_refusals_left_ : refusals_left_;
  if (unasked > 0) {
    --unasked;
    return nullptr;
  }
  sys::pipe_pair made = sys::make_pipe(bytes);
  if (!made || made.slots < small_slots) {
    if (made) counts_.pipes_short.add();
    refusals_left_ = refusals_after_no;
    return nullptr;
  }
  // A pipe that was not let grow serves as a small one; asked at every borrow, the kernel would fill the pool with
  // them.
  if (made.slots < slots) large_refusals_left_ = refusals_after_no;
  auto* fresh = new (std::nothrow) pipe;
  if (fresh == nullptr) return nullptr;
  fresh->read = std::move(made.read);
  fresh->write = std::move(made.write);
  fresh->slots = made.slots;
  fresh->fill_bytes = made.slots * sys::page_size();
  fresh->large = made.slots > small_slots;
  ++pipes_;
  pages_ += fresh->slots;
  if (fresh->large) large_pages_ += fresh->slots;
  counts_.pipe_pages.add(fresh->slots);
  return fresh;
}

void pipe_pool::destroy(pipe* doomed) noexcept {
  --pipes_;
  pages_ -= doomed->slots;
  if (doomed->large) large_pages_ -= doomed->slots;
  counts_.pipe_pages.subtract(doomed->slots);
  delete doomed;
}

}  // namespace sluice::relay
