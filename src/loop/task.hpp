#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

#include "loop/frame_pool.hpp"

namespace sluice::loop {

/// A coroutine that gives one value to the coroutine that awaits it. It starts when awaited and must be awaited once;
/// it is never destroyed half-way: to end it early, what it waits for is resumed with `cancelled`. Frames come from the
/// worker's free list. Thread: its worker's.
template <typename Value>
class [[nodiscard]] task {
 public:
  struct promise_type : pooled_frame {
    std::optional<Value> value;
    std::exception_ptr failure;
    std::coroutine_handle<> awaiting;

    task get_return_object() noexcept { return task(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
      struct resume_awaiting {
        bool await_ready() noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> done) noexcept {
          return done.promise().awaiting;
        }
        void await_resume() noexcept {}
      };
      return resume_awaiting{};
    }
    void return_value(Value result) { value.emplace(std::move(result)); }
    void unhandled_exception() noexcept { failure = std::current_exception(); }
  };

  task(task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  task& operator=(task&&) = delete;
  ~task() {
    if (frame_) frame_.destroy();
  }

  auto operator co_await() noexcept {
    struct awaiter {
      std::coroutine_handle<promise_type> frame;
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
        frame.promise().awaiting = awaiting;
        return frame;
      }
      Value await_resume() {
        if (frame.promise().failure) std::rethrow_exception(frame.promise().failure);
        return std::move(*frame.promise().value);
      }
    };
    return awaiter{frame_};
  }

 private:
  explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  std::coroutine_handle<promise_type> frame_;
};

/// A coroutine that runs at once and belongs to itself: its frame is gone when it returns. What an exception means has
/// to be decided inside.
struct detached {
  struct promise_type : pooled_frame {
    detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

}  // namespace sluice::loop
