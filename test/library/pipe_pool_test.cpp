#include "sluice/pipe_pool.hpp"

#include <vector>

#include "support/catch.hpp"
#include "support/fd_count.hpp"

namespace sluice::zero_copy::testing {

namespace {

void dirty(pipe& one) {
  const std::byte byte{7};
  REQUIRE(write(one, std::span(&byte, 1)));
}

}  // namespace

TEST_CASE("library pool: a pipe goes back empty and is lent again", "[library][pool]") {
  const sluice::support::fd_baseline descriptors;
  pipe_pool pool({1'024, 8, 256 * 1024});
  int first = -1;
  {
    const pipe one = pool.borrow();
    REQUIRE(one);
    CHECK(one.size_bytes() == 256 * 1024);
    first = one.read_end();
    CHECK(pool.counts().in_use == 1);
  }
  CHECK(pool.counts().in_use == 0);
  CHECK(pool.counts().cached == 1);
  CHECK(pool.borrow().read_end() == first);
}

TEST_CASE("library pool: a pipe with bytes in it is closed, never lent again", "[library][pool]") {
  const sluice::support::fd_baseline descriptors;
  pipe_pool pool;
  {
    pipe one = pool.borrow();
    dirty(one);
  }
  CHECK(pool.counts().dirty == 1);
  CHECK(pool.counts().cached == 0);
  CHECK(pool.borrow().bytes() == 0);
}

TEST_CASE("library pool: what is over the limits is refused, and can be had again once one is back",
          "[library][pool]") {
  const sluice::support::fd_baseline descriptors;
  pipe_pool pool({1'024, 2, 0});
  const pipe first = pool.borrow();
  {
    const pipe second = pool.borrow();
    REQUIRE(second);
    const pipe third = pool.borrow();
    CHECK_FALSE(third);
    CHECK(third.error() == std::errc::no_buffer_space);
    CHECK(pool.counts().refused == 1);
  }
  CHECK(pool.borrow());
}

TEST_CASE("library pool: cached pipes can be closed", "[library][pool]") {
  const sluice::support::fd_baseline descriptors;
  pipe_pool pool({1'024, 8, 256 * 1024});
  const std::size_t before = sluice::support::fd_count();
  const pipe kept = pool.borrow();
  {
    std::vector<pipe> several;
    for (int i = 0; i < 4; ++i) several.push_back(pool.borrow());
  }
  CHECK(sluice::support::fd_count() == before + 10);
  pool.close_cached();
  CHECK(sluice::support::fd_count() == before + 2);
  CHECK(pool.counts().cached == 0);
  CHECK(pool.counts().pages == kept.slots());
  pool.trim();
  CHECK(pool.borrow());
}

TEST_CASE("library pool: shares get smaller as there are more of them", "[library][pool]") {
  const pool_limits all = fair_share(1);
  const pool_limits eighth = fair_share(8);
  CHECK(all.pages >= 16);
  CHECK(eighth.pages <= all.pages / 8);
  CHECK(eighth.pipes >= 1);
  CHECK(eighth.pipes <= all.pipes);
}

}  // namespace sluice::zero_copy::testing
