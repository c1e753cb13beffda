#include "server/file_watch.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/temporary_directory.hpp"
#include "support/wait.hpp"

using namespace sluice::server;
using namespace sluice::support;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

struct watched {
  explicit watched(const std::string& path, watch_pace pace = {20ms, 200ms, 2s, 1h})
      : watch(
            io, path, [this] { ++changes; }, pace) {}

  bool until(int wanted) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (changes < wanted && std::chrono::steady_clock::now() < deadline) io.run_one_for(10ms);
    return changes >= wanted;
  }
  /// Long enough for a second look at the same change to have come.
  int settled() {
    io.run_for(100ms);
    return changes;
  }

  boost::asio::io_context io;
  int changes = 0;
  file_watch watch;
};

}  // namespace

// FAULTS.md C11.
TEST_CASE("file_watch: an atomic rename is one change", "[server][file_watch][C11]") {
  const fd_baseline descriptors;
  const temporary_directory files;
  const std::string path = files.write("b.json", "[]");
  watched here(path);
  for (int i = 1; i <= 3; ++i) {
    fs::rename(files.write("b.json.tmp", "[" + std::string(static_cast<std::size_t>(i), ' ') + "]"), path);
    REQUIRE(here.until(i));
    CHECK(here.settled() == i);
  }
}

TEST_CASE("file_watch: a link that is swapped in the path is one change", "[server][file_watch][C11]") {
  // As the kubelet updates a ConfigMap: b.json -> ..data/b.json, ..data -> ..1, and then ..data is renamed over.
  const temporary_directory files;
  const fs::path& root = files.path();
  for (const char* version : {"..1", "..2"}) {
    fs::create_directory(root / version);
    std::ofstream(root / version / "b.json") << version;
  }
  fs::create_symlink("..1", root / "..data");
  fs::create_symlink("..data/b.json", root / "b.json");
  watched here(files / "b.json");
  fs::create_symlink("..2", root / "..data_tmp");
  fs::rename(root / "..data_tmp", root / "..data");
  fs::remove_all(root / "..1");
  REQUIRE(here.until(1));
  CHECK(here.settled() == 1);
  // The directory that it leads to now is watched, too.
  std::ofstream(root / "..2" / "b.json") << "other";
  REQUIRE(here.until(2));
}

TEST_CASE("file_watch: a file that is written bit by bit is looked at when its writer has closed it",
          "[server][file_watch][C11]") {
  const temporary_directory files;
  watched here(files.write("b.json", "[]"), {20ms, 1h, 1h, 1h});  // nothing but the close causes a look
  std::ofstream writer(files / "b.json");
  for (int i = 0; i < 5; ++i) {
    writer << "0123456789" << std::flush;
    here.io.run_for(30ms);
    CHECK(here.changes == 0);
  }
  writer.close();
  REQUIRE(here.until(1));
  CHECK(here.settled() == 1);
}

TEST_CASE("file_watch: other files of the directory are no change; going and coming are", "[server][file_watch]") {
  const temporary_directory files;
  const std::string path = files / "b.json";
  watched here(path);
  files.write("other", "x");
  CHECK(here.settled() == 0);
  files.write("b.json", "[]");
  REQUIRE(here.until(1));
  fs::remove(path);
  REQUIRE(here.until(2));
}

TEST_CASE("file_watch: where the kernel tells of nothing a look finds it", "[server][file_watch]") {
  const temporary_directory files;
  fs::create_directory(files.path() / "d");
  const std::string path = files.write("d/b.json", "[]");
  watched here(path, {20ms, 20ms, 2s, 50ms});
  // Made anew under its name: the watched directory is another one.
  fs::rename(files.path() / "d", files.path() / "old");
  fs::create_directory(files.path() / "d");
  files.write("d/b.json", "[ ]");
  REQUIRE(here.until(1));
  files.write("d/b.json", "[  ]");
  REQUIRE(here.until(2));
}
