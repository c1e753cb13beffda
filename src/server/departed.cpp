#include "server/departed.hpp"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <memory>

#include <boost/asio/post.hpp>

namespace sluice::server {

departed_backends::departed_backends(boost::asio::io_context& io, commons& shared, const memory_rules& rules)
    : io_(io), shared_(shared), rules_(rules), timer_(io) {}

void departed_backends::note(service& of, const backend& one) {
  left_[{&of, one.name}] = clock::now();
  look_later();
}

void departed_backends::look_later() {
  if (is_waiting_ || (left_.empty() && leaving_.empty() && idle_.empty())) return;
  is_waiting_ = true;
  timer_.expires_after(rules_.look);
  timer_.async_wait([this](auto error) {
    if (error) return;
    is_waiting_ = false;
    look();
    look_later();
  });
}

void departed_backends::look() {
  if (is_passing_) return;
  if (!marks_.empty()) return wait_for_log();
  collect();
  if (!leaving_.empty()) pass_workers(&departed_backends::sort_out);
}

void departed_backends::collect() {
  const auto before = clock::now() - rules_.keep;
  std::erase_if(left_, [&](const auto& known) {
    const auto& [key, at] = known;
    if (at > before) return false;
    const service::lookup found = key.first->take_out(key.second);
    if (found.one != nullptr) leaving_.push_back({key.first, found.one});
    return found.one != nullptr || !found.is_there;
  });
}

/// Runs `then` here when every worker has passed between two messages.
void departed_backends::pass_workers(void (departed_backends::*then)()) {
  is_passing_ = true;
  const auto left = std::make_shared<std::atomic<std::size_t>>(shared_.workers.size());
  for (const auto& one : shared_.workers)
    one->pass([this, left, then] {
      if (left->fetch_sub(1, std::memory_order_acq_rel) != 1) return;
      boost::asio::post(io_, [this, then] {
        is_passing_ = false;
        (this->*then)();
      });
    });
}

void departed_backends::sort_out() {
  const auto busy =
      std::partition(leaving_.begin(), leaving_.end(), [](const entry& each) { return each.one->state.active() == 0; });
  idle_.assign(leaving_.begin(), busy);
  leaving_.erase(leaving_.begin(), busy);
  if (!idle_.empty()) pass_workers(&departed_backends::wait_for_log);
}

void departed_backends::wait_for_log() {
  if (marks_.empty()) marks_ = shared_.log.record_marks();
  if (!shared_.log.has_written(marks_)) return;
  marks_.clear();
  for (const entry& each : idle_) each.of->free(each.one);
  idle_.clear();
}

}  // namespace sluice::server
