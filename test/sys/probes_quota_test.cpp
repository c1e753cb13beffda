// Probe P13 of docs/splice.md. It runs as a plain uid, since root is exempt from the limit and would not see it.
#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "support/catch.hpp"
#include "sys/pipe.hpp"

namespace {

constexpr std::size_t mebibyte = 1024 * 1024;

struct quota_report {
  int skipped_errno = 0;     ///< why no plain uid could be had
  unsigned large = 0;        ///< pipes that got 1 MiB before the first that did not
  unsigned short_after = 0;  ///< pipes of at most two slots after those
  unsigned other_after = 0;  ///< pipes of any other size, or none, after those
  int grow_errno = 0;        ///< of F_SETPIPE_SZ 64 KiB on the last pipe
};

/// A uid that nothing else uses, so that nobody else's pipes count; 65534 where a user namespace maps few.
bool become_plain_user() noexcept {
  if (::geteuid() != 0) return true;
  if (::setgroups(0, nullptr) != 0 || ::setresgid(65'534, 65'534, 65'534) != 0) return false;
  const uid_t own = 40'000 + static_cast<uid_t>(::getpid()) % 20'000;
  return ::setresuid(own, own, own) == 0 || ::setresuid(65'534, 65'534, 65'534) == 0;
}

quota_report fill_quota() {
  quota_report report;
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < 256) {
    files.rlim_cur = 256;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  if (!become_plain_user()) {
    report.skipped_errno = errno;
    return report;
  }
  std::vector<sluice::sys::pipe_pair> pipes;
  const auto large_slots = mebibyte / sluice::sys::page_size();
  for (int i = 0; i < 70; ++i) {
    pipes.push_back(sluice::sys::make_pipe(mebibyte));
    if (report.short_after + report.other_after == 0 && pipes.back().slots == large_slots)
      ++report.large;
    else if (pipes.back() && pipes.back().slots <= 2)
      ++report.short_after;
    else
      ++report.other_after;
  }
  if (::fcntl(pipes.back().write.get(), F_SETPIPE_SZ, 64 * 1024) < 0) report.grow_errno = errno;
  return report;
}

quota_report fill_quota_in_child() {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const sluice::sys::unique_fd from_child(ends[0]);
  sluice::sys::unique_fd to_parent(ends[1]);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const quota_report report = fill_quota();
    ::_exit(::write(to_parent.get(), &report, sizeof report) == sizeof report ? 0 : 1);
  }
  to_parent.reset();
  quota_report report;
  const ssize_t n = ::read(from_child.get(), &report, sizeof report);
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(n == sizeof report);
  REQUIRE(status == 0);
  return report;
}

}  // namespace

TEST_CASE("probe P13: over pipe-user-pages-soft a plain uid gets pipes of two slots that cannot grow", "[probe]") {
  const sluice::sys::pipe_limits limits = sluice::sys::read_pipe_limits();
  const std::size_t budgeted = limits.user_pages_soft / (mebibyte / sluice::sys::page_size());
  if (limits.user_pages_soft == 0 || limits.max_bytes < mebibyte || budgeted >= 70) {
    WARN("skipped: fs.pipe-user-pages-soft or fs.pipe-max-size are not the kernel's defaults");
    return;
  }
  const quota_report report = fill_quota_in_child();
  if (report.skipped_errno != 0) {
    WARN("skipped: may not become a plain uid, errno " << report.skipped_errno);
    return;
  }
  // A uid shared with others (tests not run as root) may have less left.
  if (::geteuid() == 0)
    CHECK(report.large == budgeted);
  else
    CHECK(report.large <= budgeted);
  CHECK(report.short_after == 70 - report.large);
  CHECK(report.other_after == 0);
  CHECK(report.grow_errno == EPERM);
}
