#include "loop/frame_pool.hpp"

#include <array>
#include <new>

namespace sluice::loop {
namespace {

constexpr std::size_t granule = 256;
constexpr std::size_t classes = 8;        ///< frames up to 2 KiB are kept
constexpr std::size_t kept_a_class = 64;  ///< more at a time is a burst; its memory goes back

struct free_frame {
  free_frame* next;
};

class frame_lists {
 public:
  ~frame_lists() {
    for (auto& kept : lists_)
      while (void* frame = pop(kept)) ::operator delete(frame);
  }

  void* take(std::size_t bytes) {
    const std::size_t index = (bytes - 1) / granule;
    if (index < classes)
      if (void* frame = pop(lists_[index])) return frame;
    return ::operator new((index + 1) * granule);
  }

  void give(void* frame, std::size_t bytes) noexcept {
    const std::size_t index = (bytes - 1) / granule;
    if (index >= classes || lists_[index].size == kept_a_class) {
      ::operator delete(frame);
      return;
    }
    lists_[index].head = new (frame) free_frame{lists_[index].head};
    ++lists_[index].size;
  }

 private:
  struct frame_list {
    free_frame* head = nullptr;
    std::size_t size = 0;
  };

  static void* pop(frame_list& from) noexcept {
    free_frame* frame = from.head;
    if (frame == nullptr) return nullptr;
    from.head = frame->next;
    --from.size;
    return frame;
  }

  std::array<frame_list, classes> lists_;
};

thread_local frame_lists lists;

}  // namespace

void* pooled_frame::operator new(std::size_t bytes) { return lists.take(bytes); }

void pooled_frame::operator delete(void* frame, std::size_t bytes) noexcept { lists.give(frame, bytes); }

}  // namespace sluice::loop
