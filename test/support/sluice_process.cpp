#include "support/sluice_process.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

#include <boost/json.hpp>

#include "support/catch.hpp"
#include "support/loopback.hpp"
#include "sys/socket_address.hpp"

namespace sluice::support {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds start_patience = slowness * std::chrono::seconds(10);

/// An abstract datagram socket, as systemd's NOTIFY_SOCKET may be.
sys::unique_fd notification_socket(std::string& name) {
  static std::atomic<int> count{0};
  name = "sluice-notify-" + std::to_string(::getpid()) + '-' + std::to_string(++count);
  const auto address = sys::socket_address::from_unix_abstract(name);
  sys::unique_fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::bind(fd.get(), address->raw(), address->length()) != 0) throw std::runtime_error("bind " + name);
  name.insert(0, 1, '@');
  return fd;
}

/// strace with these faults, up to what it is to trace.
std::vector<std::string> strace_for(const std::vector<std::string>& inject, const std::string& output) {
  std::vector<std::string> argv{require_program("strace", "strace"), "-f", "-o", output};
  std::string traced = "trace=";
  for (const std::string& one : inject) {
    argv.insert(argv.end(), {"-e", "inject=" + one});
    traced += one.substr(0, one.find(':')) + ',';
  }
  traced.pop_back();
  argv.insert(argv.end(), {"-e", traced});
  return argv;
}

/// A shell in between knows the number of the process that the program then is.
void run_before_exec(const std::string& commands, launch& started) {
  if (commands.empty()) return;
  started.argv.insert(started.argv.begin(), {"sh", "-c", commands + R"(; exec "$0" "$@")"});
}

void activate(const activation& how, launch& started) {
  started.passed = how.descriptors;
  started.environment.push_back("LISTEN_FDS=" + how.count.value_or(std::to_string(how.descriptors.size())));
  if (how.names) started.environment.push_back("LISTEN_FDNAMES=" + *how.names);
  if (how.pid) {
    started.environment.push_back("LISTEN_PID=" + *how.pid);
  } else {
    run_before_exec("export LISTEN_PID=$$", started);
  }
}

launch full_launch(const sluice_launch& how, const temporary_directory& files, const std::string& notify) {
  launch result;
  if (!how.inject.empty()) {
    result.argv = strace_for(how.inject, files / "trace");
    result.argv.insert(result.argv.end(), {"-D", "-qq"});
    // Faster, but then strace 6.1 sends no signal that inject= asks for.
    const bool signals = std::any_of(how.inject.begin(), how.inject.end(),
                                     [](const std::string& one) { return one.find(":signal=") != std::string::npos; });
    if (!signals) result.argv.push_back("--seccomp-bpf");
    result.argv.push_back("--");
  }
  result.argv.insert(result.argv.end(), how.within.begin(), how.within.end());
  result.argv.push_back(sluice_program());
  if (!how.toml.empty()) result.argv.insert(result.argv.end(), {"-c", files.write("sluice.toml", how.toml)});
  result.argv.insert(result.argv.end(), how.arguments.begin(), how.arguments.end());
  result.environment = how.environment;
  if (!notify.empty()) result.environment.push_back("NOTIFY_SOCKET=" + notify);
  if (how.watchdog) result.environment.push_back("WATCHDOG_USEC=" + std::to_string(how.watchdog->count()));
  if (!how.inject.empty() || !how.inject_when_ready.empty()) {
    // LeakSanitizer wants to be the tracer.
    const char* given = std::getenv("ASAN_OPTIONS");
    result.environment.push_back("ASAN_OPTIONS=" + std::string(given ? given : "") + ":detect_leaks=0");
  }
  result.descriptors = how.descriptors;
  result.as_plain_user = how.as_plain_user;
  result.output = how.output;
  run_before_exec(how.before_exec, result);
  if (how.passed) activate(*how.passed, result);
  return result;
}

std::string next_notification(int fd) {
  std::array<char, 4096> text;
  const ssize_t n = ::recv(fd, text.data(), text.size(), MSG_DONTWAIT);
  return n < 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(n));
}

std::string text_of(const boost::json::object& from, const char* name) {
  const auto* value = from.if_contains(name);
  return value == nullptr ? std::string() : std::string(value->as_string());
}

std::uint64_t count_of(const boost::json::object& from, const char* name) {
  return from.at(name).to_number<std::uint64_t>();
}

}  // namespace

std::string sluice_program() {
  const char* given = std::getenv("SLUICE_BIN");
  return given != nullptr ? given : SLUICE_PROGRAM;
}

std::size_t scaled(std::size_t in_ci) {
  const char* given = std::getenv("SLUICE_E2E_SCALE");
  const double factor = (given != nullptr ? std::atof(given) : 1.0) / slowness;
  return std::max<std::size_t>(static_cast<std::size_t>(static_cast<double>(in_ci) * factor), 1);
}

std::vector<session_record> session_records(const std::string& output) {
  std::vector<session_record> result;
  // The last line may be half there.
  const std::size_t end = output.rfind('\n') + 1;
  std::istringstream lines(output.substr(0, end));
  for (std::string line; std::getline(lines, line);) {
    if (line.find("\"event\":\"session\"") == std::string::npos) continue;
    const boost::json::object o = boost::json::parse(line).as_object();
    session_record one;
    one.service = text_of(o, "service");
    one.client = text_of(o, "client");
    one.local = text_of(o, "local");
    one.backend = text_of(o, "backend");
    one.backend_address = text_of(o, "backend_address");
    one.path = text_of(o, "path");
    one.reason = text_of(o, "reason");
    one.error = text_of(o, "error");
    one.received = count_of(o, "received");
    one.sent = count_of(o, "sent");
    one.spliced = count_of(o, "spliced");
    one.copied = count_of(o, "copied");
    one.attempts = count_of(o, "attempts");
    one.duration_s = o.at("duration_s").to_number<double>();
    result.push_back(std::move(one));
  }
  return result;
}

sluice_process::sluice_process(const sluice_launch& how)
    : process_([&] {
        std::string name;
        notifications_ = notification_socket(name);
        return full_launch(how, files_, name);
      }()) {
  const auto deadline = std::chrono::steady_clock::now() + start_patience;
  while (!wait_notification("READY=1", milliseconds(20))) {
    if (process_.running() && std::chrono::steady_clock::now() < deadline) continue;
    process_.finish_output();
    throw std::runtime_error("sluice did not become ready; it said:\n" + output());
  }
  at_start_ = descriptors_of(pid());
  if (how.inject_when_ready.empty()) return;
  launch tracer{.argv = strace_for(how.inject_when_ready, files_ / "trace")};
  tracer.argv.insert(tracer.argv.end(), {"-p", std::to_string(pid())});
  tracer_.emplace(tracer);
  if (!tracer_->wait_output(" attached")) throw std::runtime_error("strace said:\n" + tracer_->output());
}

std::vector<session_record> sluice_process::wait_sessions(std::size_t n) const {
  std::vector<session_record> result;
  // A record whose line is half there is one of those that are still to come.
  wait_until(
      [&] {
        process_.wait_output("\"event\":\"session\"", n, slowness * patience);
        return (result = session_records(output())).size() >= n;
      },
      slowness * patience);
  if (result.size() < n)
    throw std::runtime_error(std::to_string(result.size()) + " access records, not " + std::to_string(n) +
                             "; the program said:\n" + output());
  return result;
}

bool sluice_process::wait_notification(std::string_view text, milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() < 0 || !wait_readable(notifications_.get(), left)) return false;
    if (next_notification(notifications_.get()).find(text) != std::string::npos) return true;
  }
}

bool sluice_process::wait_at_rest(milliseconds timeout) {
  descriptor_count seen;
  pipe_count pipes;
  return wait_at_rest(seen, pipes, timeout);
}

bool sluice_process::wait_at_rest(descriptor_count& seen, pipe_count& pipes, milliseconds timeout) {
  return wait_until(
      [&] {
        seen = descriptors_of(pid());
        pipes = pipes_of(pid());
        return seen.sockets == at_start_.sockets && seen.others == at_start_.others && pipes.bytes == 0 &&
               !is_running(pid());
      },
      timeout);
}

void sluice_process::check_clean_end() {
  // What was seen at rest counts: health checks come and go.
  descriptor_count seen;
  pipe_count pipes;
  CHECK(wait_at_rest(seen, pipes, std::chrono::seconds(slowness)));
  CHECK(seen.sockets == at_start_.sockets);
  CHECK(seen.others == at_start_.others);
  CHECK(pipes.bytes == 0);
  const auto code = stop();
  INFO("it said, at the end:\n" << output().substr(output().size() - std::min<std::size_t>(output().size(), 4'000)));
  REQUIRE(code.has_value());
  CHECK(*code == 0);
  CHECK(final_count("lost_edges").value_or(0) == 0);
  CHECK(final_count("pipes_in_use").value_or(0) == 0);
}

std::optional<int> sluice_process::stop(milliseconds timeout) {
  signal(SIGTERM);
  const auto code = process_.wait_exit(timeout);
  if (code) process_.finish_output();
  return code;
}

std::optional<std::uint64_t> sluice_process::final_count(const std::string& name) const {
  const std::string said = output();
  const std::size_t line = said.rfind("stopped: ");
  const std::size_t found = line == std::string::npos ? line : said.find(' ' + name + '=', line);
  if (found == std::string::npos) return std::nullopt;
  std::uint64_t value = 0;
  const char* digits = said.data() + found + name.size() + 2;
  if (std::from_chars(digits, said.data() + said.size(), value).ec != std::errc{}) return std::nullopt;
  return value;
}

run_result run_sluice(const sluice_launch& how) {
  const temporary_directory files;
  return run(full_launch(how, files, {}), start_patience);
}

}  // namespace sluice::support
