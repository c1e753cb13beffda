#include "sluice/pipe_pool.hpp"

#include <algorithm>
#include <cerrno>

#include "library/pipe_access.hpp"
#include "library/pool_parts.hpp"
#include "sys/limits.hpp"
#include "sys/pipe.hpp"

namespace sluice::zero_copy {

pool_limits fair_share(std::size_t pools) noexcept {
  const sluice::relay::pipe_budget share = sluice::relay::make_pipe_budget(
      sys::read_pipe_limits(), sys::descriptor_limit(), std::max<std::size_t>(pools, 1));
  return {share.pages, share.pipes, share.large_bytes};
}

pipe_pool::pipe_pool(const pool_limits& limits) : parts_(std::make_unique<parts>(limits)) {}

pipe_pool::~pipe_pool() = default;

pipe pipe_pool::borrow() noexcept {
  if (sluice::relay::pipe* const lent = parts_->pipes.borrow(); lent != nullptr) return {lent, &parts_->pipes};
  pipe none;
  none.error_ = system_error(ENOBUFS);
  return none;
}

void pipe_pool::trim() noexcept { parts_->pipes.trim(); }

void pipe_pool::close_cached() noexcept { parts_->pipes.close_cached(); }

pool_counts pipe_pool::counts() const noexcept {
  const sluice::relay::counters& all = parts_->counts;
  return {all.pipes_in_use.value(),  all.pipes_cached.value(), all.pipe_pages.value(),
          all.pipes_refused.value(), all.pipes_short.value(),  all.pipes_killed.value()};
}

}  // namespace sluice::zero_copy
