#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "log/record.hpp"
#include "log/waker.hpp"

namespace sluice::log {

/// A worker's way into the log: a bounded queue of plain records with one producer and one consumer.
///
/// Indices only grow; a slot is index modulo capacity. Each side keeps the other's index as it last saw it and looks
/// again only when that one says full or empty, so the two touch each other's cache line once in many records.
class session_ring {
 public:
  static constexpr std::size_t capacity = 4096;

  /// wanted: false makes push() drop silently (session records are off).
  session_ring(waker& wakes, bool wanted)
      : slots_(wanted ? std::make_unique<session_record[]>(capacity) : nullptr), wakes_(wakes) {}

  /// Copies the record; false (and counted) if the ring is full. No lock, no allocation, and a system call only when
  /// the log thread has to be woken, at most about a hundred times a second. Thread: the worker's.
  bool push(const session_record& record) noexcept {
    if (!slots_) return true;
    const std::uint64_t at = tail_.load(std::memory_order_relaxed);
    if (at - seen_head_ == capacity) {
      seen_head_ = head_.load(std::memory_order_acquire);
      if (at - seen_head_ == capacity) {
        dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        return false;
      }
    }
    slots_[at % capacity] = record;
    tail_.store(at + 1, std::memory_order_seq_cst);  // see waker::wake_if_asleep()
    wakes_.wake_if_asleep();
    return true;
  }

  /// The oldest record, null if there is none; it stays until pop(). Thread of both: the log thread.
  const session_record* front() noexcept {
    const std::uint64_t at = head_.load(std::memory_order_relaxed);
    if (at == seen_tail_) {
      seen_tail_ = tail_.load(std::memory_order_seq_cst);
      if (at == seen_tail_) return nullptr;
    }
    return &slots_[at % capacity];
  }
  void pop() noexcept { head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  /// Records that were ever pushed, and those of them that are written. Thread: any.
  std::uint64_t pushed() const noexcept { return tail_.load(std::memory_order_acquire); }
  std::uint64_t popped() const noexcept { return head_.load(std::memory_order_acquire); }

  /// Records refused because the ring was full. Thread: any.
  std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  static_assert((capacity & (capacity - 1)) == 0);

  const std::unique_ptr<session_record[]> slots_;  ///< null: records are not wanted
  waker& wakes_;

  alignas(64) std::atomic<std::uint64_t> tail_{0};  // the producer's line
  std::uint64_t seen_head_ = 0;
  std::atomic<std::uint64_t> dropped_{0};

  alignas(64) std::atomic<std::uint64_t> head_{0};  // the consumer's line
  std::uint64_t seen_tail_ = 0;
};

}  // namespace sluice::log
