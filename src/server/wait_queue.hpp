#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include <boost/intrusive/list.hpp>

namespace sluice::server {

/// Somebody who can be called out of a queue.
class waiter {
 public:
  /// It should look for a backend now. Called by any thread with the queue locked: it only posts a message.
  virtual void call() noexcept = 0;

 protected:
  ~waiter() = default;
};

/// The clients of a service who wait for a backend, in the order in which they came, whatever their workers.
///
/// Nobody is handed anything: for a place that comes free the first who was not called yet is called, and looks for
/// itself. Newcomers stand behind those who wait and do not look, so that what came free is there for the one who was
/// called. Whoever leaves the queue with a call that it did not use passes it on, and who becomes the first by that
/// looks, too, but is as good as not called: a call stands for a place, and one for nothing would let the next but one
/// overtake it. So while a place is free and somebody waits, a call is under way. A place that comes free is
/// announced after it is free, and a waiter looks after it has entered: one of the two sees the other (both
/// sequentially consistent).
///
/// Thread: any.
class wait_queue {
 public:
  /// A place in the queue, which a set-up keeps as long as it may have to wait. Left when it dies.
  class place : public boost::intrusive::list_base_hook<> {
   public:
    place(wait_queue& of, waiter& who) noexcept : queue_(of), who_(who) {}
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    ~place() { leave(); }

    /// To the end of the queue; false if that is full.
    bool enter() noexcept;
    bool is_in() const noexcept { return in_; }
    bool is_first() const noexcept;
    /// It is about to look: a call from here on is for another look. Whether it was called.
    bool take_call() noexcept;
    void leave() noexcept;

   private:
    friend class wait_queue;
    wait_queue& queue_;
    waiter& who_;
    bool in_ = false;
    bool called_ = false;
  };

  /// At most so many wait.
  explicit wait_queue(std::uint32_t most) noexcept : most_(most) {}

  std::uint32_t depth() const noexcept { return depth_.load(std::memory_order_seq_cst); }
  /// A backend has room. One load while nobody waits.
  void call_next() noexcept {
    if (depth() != 0) call_first();
  }
  /// A backend is back.
  void call_all() noexcept;

 private:
  void call_first() noexcept;
  void call_first_locked() noexcept;

  const std::uint32_t most_;
  std::atomic<std::uint32_t> depth_{0};
  std::mutex mutex_;
  boost::intrusive::list<place, boost::intrusive::constant_time_size<false>> places_;
};

}  // namespace sluice::server
