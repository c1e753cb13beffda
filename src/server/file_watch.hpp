#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "sys/inotify.hpp"

namespace sluice::server {

/// How long a file must be left alone before it is looked at.
struct watch_pace {
  std::chrono::milliseconds settle{50};      ///< after it was closed, replaced or renamed
  std::chrono::milliseconds writing{1'000};  ///< after a write whose end was not seen
  std::chrono::milliseconds longest{2'000};  ///< then it is looked at whatever goes on
  std::chrono::milliseconds look{5'000};     ///< and this often in any case, where the kernel tells of nothing
};

/// Tells when a file was replaced, written, deleted, or leads elsewhere: editors rename, Kubernetes swaps a link in the
/// path. So it is the directory that is watched, and that of the file behind the links; what counts is whether another
/// file, or another state of it, is there. Network file systems tell of nothing: a look now and then finds it.
/// Thread: the io_context's.
class file_watch {
 public:
  /// on_change: once a change, when it has settled; not called from here. May destroy nothing of this.
  file_watch(boost::asio::io_context& io, std::string path, std::function<void()> on_change,
             const watch_pace& pace = {});
  file_watch(const file_watch&) = delete;
  file_watch& operator=(const file_watch&) = delete;

 private:
  /// Device, inode, size, and the times of its last changes; none if there is no file.
  using state = std::optional<std::array<std::int64_t, 7>>;

  state look() const;
  void watch_directories();
  void wait_for_news();
  void plan(std::chrono::milliseconds wait);
  void arm(std::chrono::steady_clock::time_point due);
  void check();

  const std::string path_;
  const std::function<void()> on_change_;
  const watch_pace pace_;
  boost::asio::posix::stream_descriptor news_;
  boost::asio::steady_timer timer_;
  std::optional<std::chrono::steady_clock::time_point> first_news_;  ///< since the last look
  state seen_;
};

}  // namespace sluice::server
