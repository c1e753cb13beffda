#include "relay/pipe_pool.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "support/catch.hpp"
#include "support/fd_count.hpp"

namespace sluice::relay {
namespace {

constexpr std::size_t mebibyte = 1024 * 1024;

void put(pipe& one, std::size_t n) {
  const std::vector<std::byte> bytes(n);
  REQUIRE(::write(one.write.get(), bytes.data(), n) == static_cast<ssize_t>(n));
  one.bytes = n;
}

struct pool_case {
  explicit pool_case(const pipe_budget& budget) : pool(budget, counts) {}
  support::fd_baseline descriptors;
  counters counts;
  pipe_pool pool;
};

/// A uid that nothing else uses, so that nobody else's pipes count.
bool become_plain_user() noexcept {
  if (::geteuid() != 0) return true;
  if (::setgroups(0, nullptr) != 0 || ::setresgid(65'534, 65'534, 65'534) != 0) return false;
  const uid_t own = 40'000 + static_cast<uid_t>(::getpid()) % 20'000;
  return ::setresuid(own, own, own) == 0 || ::setresuid(65'534, 65'534, 65'534) == 0;
}

/// Runs `body` as a plain user in a child: what it returns, or nothing where no plain user is to be had. Root is exempt
/// from the page limit and would not see it.
template <typename Report, typename Body>
bool as_plain_user(Report& report, Body body) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const sys::unique_fd from_child(ends[0]);
  sys::unique_fd to_parent(ends[1]);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (!become_plain_user()) ::_exit(2);
    const Report made = body();
    ::_exit(::write(to_parent.get(), &made, sizeof made) == sizeof made ? 0 : 1);
  }
  to_parent.reset();
  const ssize_t n = ::read(from_child.get(), &report, sizeof report);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 2) return false;
  REQUIRE(status == 0);
  REQUIRE(n == sizeof report);
  return true;
}

}  // namespace

TEST_CASE("pipe pool: the pipe given back last is lent first", "[relay][pool]") {
  pool_case one({1'024, 8, 256 * 1024});
  pipe* first = one.pool.borrow();
  pipe* second = one.pool.borrow();
  REQUIRE(first != nullptr);
  REQUIRE(second != nullptr);
  one.pool.give_back(first);
  one.pool.give_back(second);
  CHECK(one.pool.cached() == 2);
  CHECK(one.pool.borrow() == second);
  CHECK(one.pool.borrow() == first);
  one.pool.give_back(first);
  CHECK(one.pool.borrow() == first);
  one.pool.give_back(first);
  one.pool.give_back(second);
  CHECK(one.counts.pipes_in_use.value() == 0);
  CHECK(one.counts.pipes_cached.value() == 2);
}

TEST_CASE("pipe pool: pipes are non-blocking and close on exec", "[relay][pool]") {
  pool_case one({1'024, 8, 256 * 1024});
  const std::size_t inherited = support::fd_count_after_exec();
  pipe* lent = one.pool.borrow();
  REQUIRE(lent != nullptr);
  for (const int fd : {lent->read.get(), lent->write.get()}) {
    CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK(support::fd_count_after_exec() == inherited);
  one.pool.give_back(lent);
}

TEST_CASE("pipe pool: half of the pages may be large pipes, the rest are small ones", "[relay][pool]") {
  pool_case one({4 * 64, 100, 64 * sys::page_size()});
  std::vector<pipe*> lent;
  while (pipe* got = one.pool.borrow()) lent.push_back(got);
  std::size_t large = 0;
  std::size_t pages = 0;
  for (pipe* got : lent) {
    large += got->large ? 1 : 0;
    pages += got->slots;
  }
  CHECK(large == 2);
  CHECK(lent.size() == 2 + 128 / 16);
  CHECK(pages == 256);
  CHECK(one.counts.pipe_pages.value() == 256);
  CHECK(one.counts.pipes_in_use.value() == lent.size());
  CHECK(one.counts.pipes_refused.value() == 1);
  for (pipe* got : lent) one.pool.give_back(got);
  pipe* hot = one.pool.borrow();
  CHECK(hot->large);
  one.pool.give_back(hot);
}

TEST_CASE("pipe pool: no more pipes than the budget allows", "[relay][pool]") {
  pool_case one({1'024, 2, 64 * sys::page_size()});
  pipe* first = one.pool.borrow();
  pipe* second = one.pool.borrow();
  CHECK(one.pool.borrow() == nullptr);
  CHECK(one.counts.pipes_refused.value() == 1);
  one.pool.give_back(first);
  CHECK(one.pool.borrow() == first);
  one.pool.give_back(first);
  one.pool.give_back(second);
}

TEST_CASE("pipe pool: a pipe with bytes in it is closed, and its place is free again", "[relay][pool]") {
  pool_case one({64, 1, 0});
  pipe* dirty = one.pool.borrow();
  REQUIRE(dirty != nullptr);
  put(*dirty, 5);
  one.pool.give_back(dirty);
  CHECK(one.counts.pipes_killed.value() == 1);
  CHECK(one.counts.pipe_pages.value() == 0);
  CHECK(one.pool.cached() == 0);
  pipe* fresh = one.pool.borrow();
  REQUIRE(fresh != nullptr);
  CHECK(sys::pipe_bytes(fresh->read.get()) == 0);
  one.pool.give_back(fresh);
}

TEST_CASE("pipe pool: trim closes half of what nobody needed, small pipes first", "[relay][pool]") {
  pool_case one({4 * 64, 100, 64 * sys::page_size()});
  std::vector<pipe*> lent;
  for (int i = 0; i < 8; ++i) lent.push_back(one.pool.borrow());
  for (pipe* got : lent) one.pool.give_back(got);
  one.pool.trim();  // all were needed since the last time: least_cached is what it was then
  CHECK(one.pool.cached() == 8);
  one.pool.trim();
  CHECK(one.pool.cached() == 4);
  CHECK(one.counts.pipes_cached.value() == 4);
  pipe* hot = one.pool.borrow();
  CHECK(hot->large);
  one.pool.give_back(hot);
  one.pool.trim();
  CHECK(one.pool.cached() == 2);
  one.pool.trim();
  one.pool.trim();
  CHECK(one.pool.cached() == 0);
  CHECK(one.counts.pipe_pages.value() == 0);
  one.pool.trim();
}

TEST_CASE("pipe pool: a kernel that gives no pipe is not asked at every borrow", "[relay][pool]") {
  pool_case one({1'024, 8, 0});
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit none = before;
  none.rlim_cur = 3;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  pipe* refused = one.pool.borrow();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(refused == nullptr);
  int borrows = 1;
  pipe* lent = nullptr;
  while ((lent = one.pool.borrow()) == nullptr && borrows < 1'000) ++borrows;
  CHECK(borrows > 100);
  REQUIRE(lent != nullptr);
  CHECK(one.counts.pipes_refused.value() == static_cast<std::uint64_t>(borrows));
  one.pool.give_back(lent);
}

TEST_CASE("pipe pool: when the kernel gives no large pipe, the small ones it has are lent again", "[relay][pool]") {
  struct report {
    std::size_t pipes = 0;
    std::size_t slots = 0;
  };
  report seen;
  const bool ran = as_plain_user(seen, [] {
    // All but half a large pipe of this user's pages are taken.
    std::vector<sys::pipe_pair> taken;
    const std::size_t soft = sys::read_pipe_limits().user_pages_soft;
    std::size_t pages = 0;
    for (; pages + 384 <= soft; pages += 256) taken.push_back(sys::make_pipe(mebibyte));
    for (; pages + 128 < soft; pages += 16) taken.push_back(sys::make_pipe(0));
    counters counts;
    pipe_pool pool({7'168, 64, mebibyte}, counts);
    report made;
    for (int i = 0; i < 20; ++i) {
      pipe* lent = pool.borrow();
      if (lent == nullptr) break;
      made.slots = lent->slots;
      pool.give_back(lent);
    }
    made.pipes = pool.cached();
    return made;
  });
  if (!ran) {
    WARN("no plain user to be had here");
    return;
  }
  CHECK(seen.slots == 16);
  CHECK(seen.pipes == 1);
}

TEST_CASE("pipe pool: a pipe of two slots is no pipe", "[relay][pool]") {
  struct report {
    bool lent = true;
    std::uint64_t short_pipes = 0;
    std::uint64_t refused = 0;
    std::uint64_t pages = 1;
  };
  report seen;
  const bool ran = as_plain_user(seen, [] {
    std::vector<sys::pipe_pair> taken;
    const std::size_t soft = sys::read_pipe_limits().user_pages_soft;
    for (std::size_t pages = 0; pages <= soft; pages += 256) taken.push_back(sys::make_pipe(mebibyte));
    while (taken.back().slots >= 16) taken.push_back(sys::make_pipe(0));
    counters counts;
    pipe_pool pool({7'168, 64, mebibyte}, counts);
    report made;
    made.lent = pool.borrow() != nullptr;
    made.short_pipes = counts.pipes_short.value();
    made.refused = counts.pipes_refused.value();
    made.pages = counts.pipe_pages.value();
    return made;
  });
  if (!ran) {
    WARN("no plain user to be had here");
    return;
  }
  CHECK_FALSE(seen.lent);
  CHECK(seen.short_pipes >= 1);
  CHECK(seen.refused == 1);
  CHECK(seen.pages == 0);
}

TEST_CASE("pipe budget: shares what the user is granted, with an eighth left for others", "[relay][pool]") {
  const pipe_budget alone = make_pipe_budget({mebibyte, 16'384}, 1'000'000, 1);
  CHECK(alone.pages == 14'336);
  CHECK(alone.pipes == 14'336 / 16);
  CHECK(alone.large_bytes == mebibyte);
  const pipe_budget one_of_two = make_pipe_budget({mebibyte, 16'384}, 1'000'000, 2);
  CHECK(one_of_two.pages == 7'168);
  CHECK(one_of_two.large_bytes == mebibyte);
  const pipe_budget one_of_many = make_pipe_budget({mebibyte, 16'384}, 1'000'000, 16);
  CHECK(one_of_many.pages == 896);
  CHECK(one_of_many.large_bytes == 64 * sys::page_size());
}

TEST_CASE("pipe budget: few descriptors allow few pipes, never none", "[relay][pool]") {
  CHECK(make_pipe_budget({mebibyte, 16'384}, 1'024, 1).pipes == 32);
  CHECK(make_pipe_budget({mebibyte, 16'384}, 1'024, 2).pipes == 16);
  CHECK(make_pipe_budget({mebibyte, 16'384}, 16, 4).pipes == 1);
}

TEST_CASE("pipe budget: no limit is not no bound, and no room for large pipes means small ones", "[relay][pool]") {
  CHECK(make_pipe_budget({mebibyte, 0}, 1'000'000'000, 1).pages == 57'344);
  CHECK(make_pipe_budget({mebibyte, 64}, 1'024, 1).large_bytes == 0);
  CHECK(make_pipe_budget({16 * sys::page_size(), 16'384}, 1'024, 1).large_bytes == 0);
}

}  // namespace sluice::relay
