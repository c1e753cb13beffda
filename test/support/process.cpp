#include "support/process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace sluice::support {
namespace {

using std::chrono::milliseconds;

constexpr uid_t nobody = 65534;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

std::optional<std::string> look_up(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  // Servers live in sbin, which a user's PATH need not have.
  std::string path = std::string(std::getenv("PATH") ? std::getenv("PATH") : "") + ":/usr/sbin:/sbin";
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find(':', at), path.size());
    const std::string candidate = path.substr(at, end - at) + '/' + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    at = end + 1;
  }
  return std::nullopt;
}

/// This process's environment with some variables set anew.
std::vector<std::string> merged_environment(const std::vector<std::string>& wanted) {
  std::vector<std::string> result = wanted;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string_view given(*one);
    const std::string_view name = given.substr(0, given.find('=') + 1);
    if (std::none_of(wanted.begin(), wanted.end(), [&](const std::string& w) { return w.starts_with(name); }))
      result.emplace_back(given);
  }
  return result;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& one : texts) result.push_back(const_cast<char*>(one.c_str()));
  result.push_back(nullptr);
  return result;
}

/// Gives the descriptors their places from 3 on. Returns where the program's is now, -1 if anything failed.
int pass_on(int program, const std::vector<int>& passed) {
  constexpr int out_of_the_way = 200;
  if (passed.empty()) return program;
  program = ::fcntl(program, F_DUPFD_CLOEXEC, out_of_the_way);
  std::array<int, 64> copies{};
  for (std::size_t i = 0; i < passed.size(); ++i) copies.at(i) = ::fcntl(passed[i], F_DUPFD_CLOEXEC, out_of_the_way);
  for (std::size_t i = 0; i < passed.size(); ++i)
    if (::dup2(copies.at(i), static_cast<int>(3 + i)) < 0) return -1;
  return program;
}

/// What the child does between fork and exec: system calls only. Never returns.
[[noreturn]] void become(int program, const launch& how, int output, char* const* argv, char* const* environment) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);  // where only parents may trace (yama)
  const int nothing = ::open("/dev/null", O_RDONLY);
  bool well = nothing >= 0 && ::dup2(nothing, 0) == 0 && ::dup2(output, 1) == 1 && ::dup2(output, 2) == 2;
  if (how.descriptors) {
    const rlimit limit{*how.descriptors, *how.descriptors};
    well = well && ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
  }
  if (how.as_plain_user && ::getuid() == 0)
    well = well && ::setgroups(0, nullptr) == 0 && ::setgid(nobody) == 0 && ::setuid(nobody) == 0;
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  program = pass_on(program, how.passed);
  // By descriptor: a plain user need not be able to walk to where the program was built.
  if (well && program >= 0) ::fexecve(program, argv, environment);
  ::_exit(127);
}

}  // namespace

std::string require_program(const std::string& name, const std::string& package) {
  const auto found = look_up(name);
  if (!found) throw std::runtime_error("this test needs the program " + name + ": install the package " + package);
  return *found;
}

process::process(const launch& how) : stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  const auto path = look_up(how.argv.at(0));
  if (!path) throw std::runtime_error("no program " + how.argv[0]);
  const sys::unique_fd program(::open(path->c_str(), O_RDONLY | O_CLOEXEC));
  std::array<int, 2> ends{};
  if (!program || ::pipe2(ends.data(), O_CLOEXEC) != 0) fail(path->c_str());
  output_.reset(ends[0]);
  const sys::unique_fd writing(ends[1]);
  const std::vector<std::string> environment = merged_environment(how.environment);
  const std::vector<char*> argv = pointers(how.argv);
  const std::vector<char*> envp = pointers(environment);
  pid_ = ::fork();
  if (pid_ < 0) fail("fork");
  if (pid_ == 0) become(program.get(), how, writing.get(), argv.data(), envp.data());
  if (how.output == output_reader::reads) read_output();
}

process::~process() {
  if (!exit_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::eventfd_write(stop_.get(), 1);
  if (reader_.joinable()) reader_.join();
}

void process::signal(int number) const {
  if (::kill(pid_, number) != 0) fail("kill");
}

std::optional<int> process::wait_exit(milliseconds timeout) {
  if (exit_) return exit_;
  // By its number: the header of glibc 2.36 declares the function for C alone.
  const sys::unique_fd watched(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!watched) fail("pidfd_open");
  if (!wait_readable(watched.get(), timeout)) return std::nullopt;
  int status = 0;
  if (::waitpid(pid_, &status, 0) != pid_) fail("waitpid");
  exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return exit_;
}

std::string process::output() const {
  const std::lock_guard held(mutex_);
  return text_;
}

bool process::wait_output(std::string_view text, milliseconds timeout) const {
  std::unique_lock held(mutex_);
  return grown_.wait_for(held, timeout, [&] { return text_.find(text) != std::string::npos; });
}

bool process::wait_output(std::string_view text, std::size_t times, milliseconds timeout) const {
  std::unique_lock held(mutex_);
  std::size_t found = 0;
  std::size_t seen = 0;
  return grown_.wait_for(held, timeout, [&] {
    for (std::size_t at; (at = text_.find(text, seen)) != std::string::npos; ++found) seen = at + text.size();
    seen = std::max(seen, text_.size() - std::min(text_.size(), text.size() - 1));
    return found >= times;
  });
}

void process::read_output() {
  if (!reader_.joinable()) reader_ = std::thread([this] { collect(); });
}

void process::finish_output() {
  read_output();
  std::unique_lock held(mutex_);
  grown_.wait_for(held, patience, [&] { return ended_; });
}

/// In the reader's thread, until nobody has the writing end any more or this object goes.
void process::collect() {
  std::array<char, 64 * 1024> piece;
  std::array<pollfd, 2> waited{pollfd{output_.get(), POLLIN, 0}, pollfd{stop_.get(), POLLIN, 0}};
  while (true) {
    if (::poll(waited.data(), waited.size(), -1) < 0 && errno == EINTR) continue;
    const ssize_t n = waited[0].revents != 0 ? ::read(output_.get(), piece.data(), piece.size()) : 0;
    const std::lock_guard held(mutex_);
    if (n > 0) text_.append(piece.data(), static_cast<std::size_t>(n));
    ended_ = n <= 0;
    grown_.notify_all();
    if (ended_) return;
  }
}

run_result run(const launch& how, milliseconds timeout) {
  process started(how);
  const auto code = started.wait_exit(timeout);
  if (!code) throw std::runtime_error(how.argv[0] + " did not end in time; it said:\n" + started.output());
  started.finish_output();
  return {*code, started.output()};
}

}  // namespace sluice::support
