#include "server/file_watch.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace sluice::server {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

file_watch::file_watch(boost::asio::io_context& io, std::string path, std::function<void()> on_change,
                       const watch_pace& pace)
    : path_(std::move(path)), on_change_(std::move(on_change)), pace_(pace), news_(io), timer_(io) {
  if (sys::unique_fd inotify = sys::make_inotify()) news_.assign(inotify.release());
  watch_directories();
  seen_ = look();
  if (news_.is_open()) wait_for_news();
  arm(clock::now() + pace_.look);
}

file_watch::state file_watch::look() const {
  struct stat is;
  if (::stat(path_.c_str(), &is) != 0) return std::nullopt;
  return std::array<std::int64_t, 7>{static_cast<std::int64_t>(is.st_dev),
                                     static_cast<std::int64_t>(is.st_ino),
                                     is.st_size,
                                     is.st_mtim.tv_sec,
                                     is.st_mtim.tv_nsec,
                                     is.st_ctim.tv_sec,
                                     is.st_ctim.tv_nsec};
}

/// Anew at each look: links lead elsewhere, directories are deleted and made again.
void file_watch::watch_directories() {
  if (!news_.is_open()) return;
  std::error_code error;
  const fs::path whole = fs::absolute(path_, error);
  if (error) return;
  sys::watch_directory(news_.native_handle(), whole.parent_path().string());
  const fs::path behind_links = fs::canonical(whole, error);
  if (!error) sys::watch_directory(news_.native_handle(), behind_links.parent_path().string());
}

void file_watch::wait_for_news() {
  news_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](auto error) {
    if (error) return;
    switch (sys::read_directory_news(news_.native_handle())) {
      case sys::directory_news::none: break;
      case sys::directory_news::being_written: plan(pace_.writing); break;
      case sys::directory_news::settled: plan(pace_.settle); break;
    }
    wait_for_news();
  });
}

void file_watch::plan(std::chrono::milliseconds wait) {
  const auto now = clock::now();
  if (!first_news_) first_news_ = now;
  arm(std::min(now + wait, *first_news_ + pace_.longest));
}

void file_watch::arm(clock::time_point due) {
  timer_.expires_at(due);
  timer_.async_wait([this, due](auto error) {
    if (!error && timer_.expiry() == due) check();
  });
}

void file_watch::check() {
  first_news_.reset();
  arm(clock::now() + pace_.look);
  watch_directories();  // first: what happens after the look is told
  const state now = look();
  if (now == seen_) return;
  seen_ = now;
  on_change_();
}

}  // namespace sluice::server
