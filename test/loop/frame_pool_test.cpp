#include "loop/frame_pool.hpp"

#include <coroutine>
#include <set>
#include <thread>
#include <vector>

#include "loop/task.hpp"
#include "support/catch.hpp"

using sluice::loop::detached;
using sluice::loop::pooled_frame;
using sluice::loop::task;

namespace {

/// Gives a coroutine the address of its own frame.
struct own_frame {
  const void* address = nullptr;
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> self) noexcept {
    address = self.address();
    return false;
  }
  const void* await_resume() const noexcept { return address; }
};

task<const void*> inner() { co_return co_await own_frame{}; }

detached set_up(const void*& outer_frame, const void*& inner_frame) {
  outer_frame = co_await own_frame{};
  inner_frame = co_await inner();
}

}  // namespace

TEST_CASE("frame pool: a frame given back is the next of its size", "[loop][frames]") {
  void* first = pooled_frame::operator new(300);
  pooled_frame::operator delete(first, 300);
  CHECK(pooled_frame::operator new(400) == first);  // of the same 256 bytes' class
  void* other = pooled_frame::operator new(600);
  CHECK(other != first);
  pooled_frame::operator delete(other, 600);
  pooled_frame::operator delete(first, 400);
}

TEST_CASE("frame pool: every byte asked for may be written", "[loop][frames]") {
  for (const std::size_t size : {1u, 8u, 255u, 256u, 257u, 2'047u, 2'048u, 2'049u, 10'000u}) {
    auto* frame = static_cast<unsigned char*>(pooled_frame::operator new(size));
    for (std::size_t i = 0; i < size; ++i) frame[i] = static_cast<unsigned char>(i);
    CHECK(frame[size - 1] == static_cast<unsigned char>(size - 1));
    pooled_frame::operator delete(frame, size);
  }
}

TEST_CASE("frame pool: frames in use at once are different, and a burst is given back", "[loop][frames]") {
  std::vector<void*> frames;
  for (int i = 0; i < 200; ++i) frames.push_back(pooled_frame::operator new(500));
  CHECK(std::set<void*>(frames.begin(), frames.end()).size() == frames.size());
  for (void* one : frames) pooled_frame::operator delete(one, 500);
  // The last 64 that fitted are reused; nothing is handed out twice.
  std::set<void*> again;
  for (int i = 0; i < 200; ++i) again.insert(pooled_frame::operator new(500));
  CHECK(again.size() == 200);
  for (void* one : again) pooled_frame::operator delete(one, 500);
}

TEST_CASE("frame pool: a set-up reuses the frames of the one before it", "[loop][frames]") {
  const void* outer_frame = nullptr;
  const void* inner_frame = nullptr;
  set_up(outer_frame, inner_frame);
  CHECK(outer_frame != inner_frame);
  for (int i = 0; i < 1'000; ++i) {
    const void* outer_again = nullptr;
    const void* inner_again = nullptr;
    set_up(outer_again, inner_again);
    REQUIRE(outer_again == outer_frame);
    REQUIRE(inner_again == inner_frame);
  }
}

TEST_CASE("frame pool: each thread has its own", "[loop][frames]") {
  void* mine = pooled_frame::operator new(300);
  pooled_frame::operator delete(mine, 300);
  void* others = nullptr;
  std::thread([&] {
    others = pooled_frame::operator new(300);
    pooled_frame::operator delete(others, 300);
  }).join();
  void* again = pooled_frame::operator new(300);
  CHECK(again == mine);
  pooled_frame::operator delete(again, 300);
}
