#include "sys/inotify.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace sluice::sys {

unique_fd make_inotify() noexcept { return unique_fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)); }

int watch_directory(int inotify, const std::string& path) noexcept {
  constexpr std::uint32_t what = IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  return ::inotify_add_watch(inotify, path.c_str(), what) < 0 ? errno : 0;
}

directory_news read_directory_news(int inotify) noexcept {
  directory_news news = directory_news::none;
  std::array<std::byte, 4096> block;
  for (;;) {
    const ssize_t n = ::read(inotify, block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return news;
    inotify_event event;
    for (std::size_t at = 0; at + sizeof event <= static_cast<std::size_t>(n); at += sizeof event + event.len) {
      std::memcpy(&event, block.data() + at, sizeof event);
      news = (event.mask & IN_MODIFY) != 0 ? directory_news::being_written : directory_news::settled;
    }
  }
}

}  // namespace sluice::sys
