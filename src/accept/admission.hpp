#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace sluice::accept {

/// How many sessions there may be at a time, of the whole process or of one service. Thread: any.
class admission {
 public:
  /// Unlimited if cap is 0.
  explicit admission(std::uint32_t cap) noexcept : cap_(cap == 0 ? UINT32_MAX : cap) {}

  /// Takes up to `wanted` permits and says how many it got. One atomic when all are free.
  std::uint32_t take(std::uint32_t wanted) noexcept;
  void give_back(std::uint32_t permits) noexcept { in_use_.fetch_sub(permits, std::memory_order_relaxed); }

  std::uint32_t in_use() const noexcept { return in_use_.load(std::memory_order_relaxed); }
  std::uint32_t cap() const noexcept { return cap_; }

 private:
  std::atomic<std::uint32_t> in_use_{0};
  std::uint32_t cap_;
};

/// One session's place, given back when it dies: the limit can't drift.
class permit {
 public:
  permit() noexcept = default;
  /// Takes over one that take() gave.
  explicit permit(admission& from) noexcept : from_(&from) {}
  permit(permit&& other) noexcept : from_(std::exchange(other.from_, nullptr)) {}
  permit& operator=(permit&& other) noexcept {
    std::swap(from_, other.from_);
    return *this;
  }
  ~permit() {
    if (from_ != nullptr) from_->give_back(1);
  }

 private:
  admission* from_ = nullptr;
};

/// How many sessions the descriptor limit allows: two sockets each, beside the listeners, the pipes (two descriptors a
/// pipe), the workers (an edge set and a mailbox each) and 128 for everything else. At least 1.
std::uint32_t connection_cap(std::size_t descriptor_limit, std::size_t listeners, std::size_t pipes,
                             std::size_t workers) noexcept;

/// How many sessions a container's memory limit allows: half of it, 16 KiB each. A session at rest costs 6 KiB with its
/// kernel objects; the rest is for bytes on their way. At least 1.
std::uint32_t connection_cap_of_memory(std::uint64_t bytes) noexcept;

}  // namespace sluice::accept
