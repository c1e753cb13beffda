#include <pty.h>
#include <sys/stat.h>
#include <termios.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "log/log_fixture.hpp"
#include "log/logger.hpp"
#include "support/wait.hpp"

namespace sluice::log {
namespace {

using namespace test;

/// Adds what @p stream brings to @p text until it has so many lines: one read of a terminal may bring less than was
/// written.
void read_lines(int stream, std::string& text, long lines) {
  std::array<char, 65536> buffer{};
  while (std::count(text.begin(), text.end(), '\n') < lines) {
    REQUIRE(support::wait_readable(stream));
    const ssize_t n = ::read(stream, buffer.data(), buffer.size());
    REQUIRE(n > 0);
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

/// One message of each level and then one record, as stderr shows them.
std::vector<std::string> lines_on_stderr(const descriptor_pair& ends) {
  std::string text;
  {
    const redirected_stream moved(STDERR_FILENO, ends.writer.get());
    log_config settings;
    settings.level = log_level::debug;
    logger log(settings, 1);
    log.message(log_level::error, "e");
    log.message(log_level::warning, "w");
    log.message(log_level::info, "i");
    log.message(log_level::debug, "d");
    // Messages and records wait in places of their own, so a record is not pushed before the messages are out.
    read_lines(ends.reader.get(), text, 4);
    log.worker_ring(0).push(ordinary_record(1));
  }
  read_lines(ends.reader.get(), text, 5);
  return split_lines(text);
}

class environment_value {
 public:
  environment_value(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~environment_value() { ::unsetenv(name_); }
  environment_value(const environment_value&) = delete;
  environment_value& operator=(const environment_value&) = delete;

 private:
  const char* name_;
};

TEST_CASE("log stream: lines have the journal's priority when the journal reads stderr", "[log][journal]") {
  const auto ends = make_plain_socket();
  struct stat what {};
  REQUIRE(::fstat(ends.writer.get(), &what) == 0);
  const environment_value named("JOURNAL_STREAM", std::to_string(what.st_dev) + ":" + std::to_string(what.st_ino));
  const auto lines = lines_on_stderr(ends);
  REQUIRE(lines.size() == 5);
  CHECK(lines[0].substr(0, 4) == "<3>{");
  CHECK(lines[1].substr(0, 4) == "<4>{");
  CHECK(lines[2].substr(0, 4) == "<6>{");
  CHECK(lines[3].substr(0, 4) == "<7>{");
  CHECK(lines[4].substr(0, 4) == "<6>{");
}

TEST_CASE("log stream: no priority when JOURNAL_STREAM names another stream", "[log][journal]") {
  const auto ends = make_plain_socket();
  const environment_value named("JOURNAL_STREAM", "1:1");
  for (const auto& line : lines_on_stderr(ends)) CHECK(line.substr(0, 1) == "{");
}

TEST_CASE("log stream: text on a terminal, JSON elsewhere", "[log][stream]") {
  int controller = -1;
  int terminal = -1;
  REQUIRE(::openpty(&controller, &terminal, nullptr, nullptr, nullptr) == 0);
  const descriptor_pair ends{sys::unique_fd(controller), sys::unique_fd(terminal)};
  const auto lines = lines_on_stderr(ends);
  REQUIRE(lines.size() == 5);
  CHECK(lines[0].find("Z error e") != std::string::npos);
  CHECK(lines[4].find(" info session 1 web ") != std::string::npos);
  CHECK(lines_on_stderr(make_plain_pipe())[0].substr(0, 1) == "{");
}

TEST_CASE("log stream: the flags of a shared stderr stay as they are", "[log][stream]") {
  const auto ends = GENERATE(false, true) ? make_plain_socket() : make_plain_pipe();
  const int before = ::fcntl(ends.writer.get(), F_GETFL);
  lines_on_stderr(ends);
  CHECK(::fcntl(ends.writer.get(), F_GETFL) == before);
}

/// A destination that takes some bytes and then no more, until its reader reads.
struct stopped_reader {
  const char* what;
  bool socket;
  bool foreign;  ///< the log may not open the pipe again, as when another user made it
};

TEST_CASE("log stream: a reader that stops delays neither workers nor the end", "[log][stream][threads]") {
  const auto kind = GENERATE(stopped_reader{"pipe", false, false}, stopped_reader{"socket", true, false},
                             stopped_reader{"foreign pipe", false, true});
  if (kind.foreign && ::geteuid() != 0) return;
  INFO(kind.what);
  const auto descriptors = open_descriptors();
  {
    const auto ends = kind.socket ? make_plain_socket() : make_plain_pipe();
    const redirected_stream moved(STDERR_FILENO, ends.writer.get());
    if (kind.foreign) REQUIRE(::seteuid(65534) == 0);
    auto log = std::make_unique<logger>(log_config{}, 1);
    if (kind.foreign) REQUIRE(::seteuid(0) == 0);

    std::chrono::nanoseconds longest{0};
    REQUIRE(eventually([&] {
      for (std::uint64_t i = 0; i < 1000; ++i) {
        const auto start = steady::now();
        log->worker_ring(0).push(ordinary_record(i));
        longest = std::max<std::chrono::nanoseconds>(longest, steady::now() - start);
      }
      return log->dropped() > 10'000;
    }));
    CHECK(longest < std::chrono::milliseconds{500});  // a busy machine may take a thread off its processor for a while

    const auto start = steady::now();
    log.reset();
    const auto took = steady::now() - start;
    CHECK(took >= std::chrono::milliseconds{900});
    CHECK(took < std::chrono::milliseconds{1900});
  }
  CHECK(open_descriptors() == descriptors);
}

TEST_CASE("log stream: a stopped terminal does not delay the end", "[log][stream]") {
  int controller = -1;
  int terminal = -1;
  REQUIRE(::openpty(&controller, &terminal, nullptr, nullptr, nullptr) == 0);
  const descriptor_pair ends{sys::unique_fd(controller), sys::unique_fd(terminal)};
  REQUIRE(::tcflow(terminal, TCOOFF) == 0);
  const auto start = steady::now();
  {
    const redirected_stream moved(STDERR_FILENO, terminal);
    logger log({}, 1);
    for (std::uint64_t i = 0; i < 100; ++i) log.worker_ring(0).push(ordinary_record(i));
  }
  CHECK(steady::now() - start < std::chrono::milliseconds{1900});
  ::tcflow(terminal, TCOON);
}

TEST_CASE("log stream: a write that hangs in the kernel is left behind", "[log][stream][threads]") {
  // A terminal of another user has to be written in blocking mode, and takes fewer bytes than its poll promises.
  if (::geteuid() != 0) return;
  const auto descriptors = open_descriptors();
  int controller = -1;
  int terminal = -1;
  REQUIRE(::openpty(&controller, &terminal, nullptr, nullptr, nullptr) == 0);
  {
    const descriptor_pair ends{sys::unique_fd(controller), sys::unique_fd(terminal)};
    const redirected_stream moved(STDERR_FILENO, terminal);
    REQUIRE(::seteuid(65534) == 0);
    auto log = std::make_unique<logger>(log_config{}, 1);
    REQUIRE(::seteuid(0) == 0);
    REQUIRE(eventually([&] {
      for (std::uint64_t i = 0; i < 1000; ++i) log->worker_ring(0).push(ordinary_record(i));
      return log->dropped() > 0;
    }));
    const auto start = steady::now();
    log.reset();
    CHECK(steady::now() - start < std::chrono::milliseconds{3500});
  }
  // With its terminal gone the write fails, and the thread left behind takes its descriptors along.
  CHECK(eventually([&] { return open_descriptors() == descriptors; }));
}

TEST_CASE("log stream: when the reader goes on, every line is there or counted", "[log][stream][threads]") {
  auto ends = GENERATE(false, true) ? make_plain_socket() : make_plain_pipe();
  std::uint64_t pushed = 0;
  std::uint64_t dropped = 0;
  std::string text;
  std::thread reader;
  {
    auto moved = std::make_unique<redirected_stream>(STDERR_FILENO, ends.writer.get());
    auto log = std::make_unique<logger>(log_config{}, 1);
    moved.reset();
    ends.writer.reset();  // the log holds the last one
    REQUIRE(eventually([&] {
      for (int i = 0; i < 1000; ++i) log->worker_ring(0).push(ordinary_record(++pushed));
      return log->dropped() > 5'000;
    }));
    dropped = log->dropped();
    reader = std::thread([&] { text = read_to_end(ends.reader.get()); });
    // The log's end leaves a second for it, which is too little for all of this on a busy machine.
    CHECK(eventually([&] { return log->has_written(log->record_marks()); }));
    log.reset();
  }
  reader.join();
  std::uint64_t sessions = 0;
  std::uint64_t last = 0;
  std::uint64_t said = 0;
  for (const auto& line : split_lines(text)) {
    REQUIRE(line.front() == '{');
    REQUIRE(line.back() == '}');
    if (const auto at = line.find("\"id\":"); at != std::string::npos) {
      const auto id = std::stoull(line.substr(at + 5));
      REQUIRE(id > last);
      last = id;
      ++sessions;
    } else if (const auto number = line.find("log: "); line.find(" lines were dropped") != std::string::npos) {
      said += std::stoull(line.substr(number + 5));
    }
  }
  CHECK(sessions + dropped == pushed);
  CHECK(said == dropped);
}

TEST_CASE("log stream: a pipe without a reader neither ends the process nor the log", "[log][stream]") {
  auto ends = make_plain_pipe();
  const redirected_stream moved(STDERR_FILENO, ends.writer.get());
  logger log({}, 1);
  ends.reader.reset();
  REQUIRE(eventually([&] {
    for (std::uint64_t i = 0; i < 1000; ++i) log.worker_ring(0).push(ordinary_record(i));
    return log.dropped() > 0;
  }));
}

}  // namespace
}  // namespace sluice::log
