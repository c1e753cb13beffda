#include "log/logger.hpp"

#include <map>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "sluice/error.hpp"

#include "log/log_fixture.hpp"
#include "support/plain_user.hpp"
#include "support/temporary_directory.hpp"

namespace sluice::log {
namespace {

using namespace test;

log_config to_file(const std::filesystem::path& path) {
  log_config settings;
  settings.output = path.string();
  return settings;
}

/// The ids of session records, in the order of their lines. Every line has to be JSON.
std::vector<std::uint64_t> session_ids(const std::string& text) {
  std::vector<std::uint64_t> ids;
  for (const std::string& line : split_lines(text)) {
    INFO(line);
    boost::json::error_code error;
    const auto value = boost::json::parse(line, error);
    REQUIRE_FALSE(error);
    if (const auto* id = value.as_object().if_contains("id")) ids.push_back(id->to_number<std::uint64_t>());
  }
  return ids;
}

TEST_CASE("logger: what was pushed before the end is in the file, in order", "[log][logger]") {
  const auto descriptors = open_descriptors();
  const support::temporary_directory folder;
  {
    logger log(to_file(folder / "log"), 1);
    for (std::uint64_t i = 1; i <= 3000; ++i) REQUIRE(log.worker_ring(0).push(ordinary_record(i)));
    CHECK(log.dropped() == 0);
  }
  const auto ids = session_ids(read_file(folder / "log"));
  REQUIRE(ids.size() == 3000);
  for (std::size_t i = 0; i < ids.size(); ++i) REQUIRE(ids[i] == i + 1);
  CHECK(open_descriptors() == descriptors);
}

TEST_CASE("logger: a record is written soon, also after a pause", "[log][logger]") {
  const support::temporary_directory folder;
  logger log(to_file(folder / "log"), 1);
  for (std::uint64_t i = 1; i <= 20; ++i) {
    log.worker_ring(0).push(ordinary_record(i));
    REQUIRE(eventually([&] { return split_lines(read_file(folder / "log")).size() == i; }));
    // Long enough for the log thread to be asleep at some of the pushes and resting at others.
    std::this_thread::sleep_for(std::chrono::milliseconds{i});
  }
}

TEST_CASE("logger: messages below the level and records without access are not written", "[log][logger]") {
  const support::temporary_directory folder;
  log_config settings = to_file(folder / "log");
  SECTION("warning silences info and the records, which are info") { settings.level = log_level::warning; }
  SECTION("access = false") { settings.access = false; }
  {
    logger log(settings, 1);
    CHECK(log.enabled(log_level::info) == (settings.level == log_level::info));
    CHECK(log.worker_ring(0).push(ordinary_record(1)));
    log.message(log_level::debug, "no");
    if (settings.level == log_level::warning) log.message(log_level::info, "no");
    log.message(log_level::error, "yes");
    CHECK(log.dropped() == 0);
  }
  const auto lines = split_lines(read_file(folder / "log"));
  REQUIRE(lines.size() == 1);
  CHECK(boost::json::parse(lines[0]).at("msg").as_string() == "yes");
}

TEST_CASE("logger: workers and messages from many threads at once", "[log][logger][threads]") {
  constexpr std::size_t workers = 4;
  constexpr std::uint64_t each = 20'000;
  constexpr int messages = 200;
  const support::temporary_directory folder;
  std::uint64_t dropped = 0;
  {
    logger log(to_file(folder / "log"), workers);
    std::vector<std::thread> threads;
    for (std::size_t worker = 0; worker < workers; ++worker) {
      threads.emplace_back([&log, worker] {
        for (std::uint64_t i = 0; i < each; ++i) log.worker_ring(worker).push(ordinary_record(worker * each + i));
      });
      threads.emplace_back([&log] {
        for (int i = 0; i < messages; ++i) log.message(log_level::info, "from anywhere");
      });
    }
    for (auto& thread : threads) thread.join();
    dropped = log.dropped();
  }
  const std::string text = read_file(folder / "log");
  std::map<std::uint64_t, std::uint64_t> next;
  const auto ids = session_ids(text);
  for (const std::uint64_t id : ids) {
    REQUIRE(id >= next[id / each]);
    next[id / each] = id + 1;
  }
  std::size_t said = 0;
  for (const auto& line : split_lines(text)) said += line.find("from anywhere") != std::string::npos ? 1 : 0;
  CHECK(ids.size() + said + dropped == workers * (each + messages));
}

TEST_CASE("logger: only so many messages wait, the rest is counted", "[log][logger]") {
  const auto pipe = make_plain_pipe();
  const redirected_stream moved(STDERR_FILENO, pipe.writer.get());
  logger log({}, 0);
  REQUIRE(eventually([&] {
    for (int i = 0; i < 500; ++i) log.message(log_level::info, std::string(20'000, 'x'));
    return log.dropped() > 1000;
  }));
}

TEST_CASE("logger: an output that can't be opened is named", "[log][logger]") {
  const auto descriptors = open_descriptors();
  try {
    logger log(to_file("/nonexistent-folder/log"), 1);
    FAIL("it was opened");
  } catch (const std::runtime_error& error) {
    CHECK(std::string(error.what()) == "log: can't open /nonexistent-folder/log: No such file or directory");
  }
  {
    const redirected_stream closed(STDERR_FILENO, -1);
    CHECK_THROWS_AS(logger(log_config{}, 1), std::runtime_error);
  }
  CHECK(open_descriptors() == descriptors);
}

TEST_CASE("logger: a file that is not permitted ends in exit code 4, another one in 1", "[log][logger]") {
  const auto code_for = [](const std::filesystem::path& path) {
    try {
      logger log(to_file(path), 1);
    } catch (const startup_error& error) {
      return error.code();
    }
    return exit_code::done;
  };
  const support::temporary_directory folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms::none);
  CHECK(code_for("/nonexistent-folder/log") == exit_code::failed);
  if (const sluice::test::plain_user user; user) CHECK(code_for(folder / "log") == exit_code::no_permission);
  std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
}

TEST_CASE("logger: a file that was moved away or deleted is opened again", "[log][logger]") {
  const support::temporary_directory folder;
  const auto path = folder / "log";
  logger log(to_file(path), 1);
  log.message(log_level::info, "before");
  REQUIRE(eventually([&] { return read_file(path).find("before") != std::string::npos; }));
  std::filesystem::rename(path, folder / "log.1");
  REQUIRE(eventually([&] {
    log.message(log_level::info, "after");
    return std::filesystem::exists(path) && read_file(path).find("after") != std::string::npos;
  }));
  std::filesystem::remove(path);
  REQUIRE(eventually([&] {
    log.message(log_level::info, "again");
    return std::filesystem::exists(path) && read_file(path).find("again") != std::string::npos;
  }));
}

}  // namespace
}  // namespace sluice::log
