#include "sys/inotify.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/temporary_directory.hpp"
#include "support/wait.hpp"

using namespace sluice::sys;
using namespace sluice::support;

TEST_CASE("inotify: tells a file that is being written from one that is there", "[sys][inotify]") {
  const fd_baseline descriptors;
  const temporary_directory files;
  const unique_fd inotify = make_inotify();
  REQUIRE(inotify);
  REQUIRE(watch_directory(inotify.get(), files.path().string()) == 0);
  REQUIRE(watch_directory(inotify.get(), files.path().string()) == 0);
  CHECK(read_directory_news(inotify.get()) == directory_news::none);
  std::ofstream writer(files / "file");
  writer << "half" << std::flush;
  REQUIRE(wait_readable(inotify.get()));
  CHECK(read_directory_news(inotify.get()) == directory_news::being_written);
  writer.close();
  CHECK(read_directory_news(inotify.get()) == directory_news::settled);
  std::filesystem::rename(files / "file", files / "other");
  CHECK(read_directory_news(inotify.get()) == directory_news::settled);
  CHECK(read_directory_news(inotify.get()) == directory_news::none);
}

TEST_CASE("inotify: what is no directory can't be watched", "[sys][inotify]") {
  const temporary_directory files;
  const unique_fd inotify = make_inotify();
  CHECK(watch_directory(inotify.get(), files / "nothing") == ENOENT);
  CHECK(watch_directory(inotify.get(), files.write("file", "")) == ENOTDIR);
}
