#include <cerrno>
#include <string_view>

#include "relay/pump_fixture.hpp"
#include "support/catch.hpp"
#include "support/loopback.hpp"
#include "sys/pipe.hpp"

namespace sluice::relay::testing {
namespace {

struct refusal {
  int error;
  fallback_reason reason;
};

refusal any_refusal() {
  return GENERATE(refusal{EINVAL, fallback_reason::invalid}, refusal{ENOSYS, fallback_reason::not_supported},
                  refusal{EOPNOTSUPP, fallback_reason::not_supported}, refusal{EPERM, fallback_reason::not_permitted},
                  refusal{EACCES, fallback_reason::not_permitted});
}

}  // namespace

TEST_CASE("pump: a kernel that refuses to splice in has the direction copy from then on", "[relay][pump][copy]") {
  const refusal why = any_refusal();
  scripted_pump one;
  CHECK(one.step({asks(call::splice_in, full, fails(why.error)), asks(call::receive, full, moves(500)),
                  asks(call::send, 500, moves(500))}) == step_result::wants_source);
  CHECK(one.fallbacks(why.reason) == 1);
  one.source.readable = true;
  CHECK(one.step({asks(call::receive, full, blocks())}) == step_result::wants_source);
  CHECK(one.fallbacks(why.reason) == 1);
  CHECK(one.moves.bytes_copied() == 500);
  CHECK(one.counts.bytes_copied.value() == 500);
  CHECK(one.counts.bytes_spliced.value() == 0);
}

TEST_CASE("pump: a kernel short of memory has one fill copied, within the allowance", "[relay][pump][copy]") {
  const int error = GENERATE(ENOMEM, ENOBUFS);
  scripted_pump one;
  one.allowed.fill_bytes = 100;
  CHECK(one.step({asks(call::splice_in, 100, fails(error)), asks(call::receive, 100, moves(100)),
                  asks(call::send, 100, moves(100)), asks(call::splice_in, 100, blocks())}) ==
        step_result::wants_source);
  CHECK(one.fallbacks(fallback_reason::no_memory) == 1);
}

TEST_CASE("pump: what a partial send leaves of a copy is drained from a pipe", "[relay][pump][copy]") {
  scripted_pump one;
  one.moves.copy_from_now(one.context, fallback_reason::configured);
  CHECK(one.step({asks(call::receive, full, moves(500)), asks(call::send, 500, moves(200)),
                  asks(call::write_pipe, 300, moves(300)), asks(call::splice_out, 300, blocks())}) ==
        step_result::wants_sink);
  CHECK(one.moves.bytes_in_pipe() == 300);
  one.sink.writable = true;
  CHECK(one.step({asks(call::splice_out, 300, moves(300))}) == step_result::wants_source);
  CHECK(one.moves.bytes_in() == 500);
  CHECK(one.moves.bytes_out() == 500);
  CHECK(one.fallbacks(fallback_reason::configured) == 1);
}

TEST_CASE("pump: a copy whose send would block keeps all of it in a pipe", "[relay][pump][copy]") {
  scripted_pump one;
  one.moves.copy_from_now(one.context, fallback_reason::configured);
  CHECK(one.step({asks(call::receive, full, moves(500)), asks(call::send, 500, blocks()),
                  asks(call::write_pipe, 500, moves(500))}) == step_result::wants_sink);
  CHECK_FALSE(one.sink.writable);
  CHECK(one.moves.bytes_in_pipe() == 500);
}

TEST_CASE("pump: a copied end of file and a copied reset are what they are", "[relay][pump][copy]") {
  const bool reset = GENERATE(false, true);
  scripted_pump one;
  one.moves.copy_from_now(one.context, fallback_reason::configured);
  if (reset) {
    CHECK(one.step({asks(call::receive, full, fails(ECONNRESET))}) == step_result::failed);
    CHECK(one.source.error == ECONNRESET);
  } else {
    CHECK(one.step({asks(call::receive, full, ends()), asks(call::shutdown_write, 0, {})}) == step_result::finished);
  }
}

TEST_CASE("pump: a short recv proves the source empty, whatever the slots", "[relay][pump][copy]") {
  scripted_pump one;
  one.moves.copy_from_now(one.context, fallback_reason::configured);
  CHECK(one.step({asks(call::receive, full, moves(full)), asks(call::send, full, moves(full)),
                  asks(call::receive, full, moves(full - 1)), asks(call::send, full - 1, moves(full - 1))}) ==
        step_result::wants_source);
  CHECK_FALSE(one.source.readable);
}

TEST_CASE("pump: without a pipe exactly what was sent is taken from the source", "[relay][pump][copy]") {
  scripted_pump one({0, 0, 0});
  one.source.hung = true;
  CHECK(one.step({asks(call::peek, full, moves(500)), asks(call::send, 500, moves(200)),
                  asks(call::receive, 200, moves(150)), asks(call::receive, 50, moves(50)),
                  asks(call::peek, full, moves(300)), asks(call::send, 300, blocks())}) == step_result::wants_sink);
  CHECK_FALSE(one.sink.writable);
  CHECK(one.moves.bytes_in() == 200);
  CHECK(one.moves.bytes_out() == 200);
  one.sink.writable = true;
  CHECK(one.step({asks(call::peek, full, moves(300)), asks(call::send, 300, moves(300)),
                  asks(call::receive, 300, moves(300)), asks(call::peek, full, ends()),
                  asks(call::shutdown_write, 0, {})}) == step_result::finished);
  CHECK(one.fallbacks(fallback_reason::no_pipe) == 4);
  CHECK(one.counts.pipes_refused.value() == 4);
  CHECK(one.counts.bytes_copied.value() == 500);
}

TEST_CASE("pump: bytes that were sent and then can't be taken end the direction", "[relay][pump][copy]") {
  scripted_pump one({0, 0, 0});
  CHECK(one.step({asks(call::peek, full, moves(500)), asks(call::send, 500, moves(500)),
                  asks(call::receive, 500, ends())}) == step_result::failed);
  CHECK(one.source.error == EIO);
}

TEST_CASE("pump: a sink that refuses splice is sent what the pipe holds, and loses nothing", "[relay][pump][copy]") {
  const refusal why = any_refusal();
  scripted_pump one;
  one.source.hung = true;
  CHECK(one.step({asks(call::splice_in, full, moves(500)), asks(call::peek, 1, blocks()),
                  asks(call::splice_out, 500, fails(why.error)), asks(call::tee, 500, moves(500)),
                  asks(call::read_pipe, 500, moves(500)), asks(call::send, 500, moves(200)),
                  asks(call::read_pipe, 200, moves(200)), asks(call::splice_out, 300, fails(why.error)),
                  asks(call::tee, 300, moves(300)), asks(call::read_pipe, 300, moves(300)),
                  asks(call::send, 300, blocks())}) == step_result::wants_sink);
  CHECK(one.moves.bytes_in_pipe() == 300);
  CHECK(one.fallbacks(why.reason) == 1);
  one.sink.writable = true;
  CHECK(one.step({asks(call::splice_out, 300, fails(why.error)), asks(call::tee, 300, moves(300)),
                  asks(call::read_pipe, 300, moves(300)), asks(call::send, 300, moves(300)),
                  asks(call::read_pipe, 300, moves(300)), asks(call::receive, full, ends()),
                  asks(call::shutdown_write, 0, {})}) == step_result::finished);
  CHECK(one.moves.bytes_in() == 500);
  CHECK(one.moves.bytes_out() == 500);
  CHECK(one.counts.pipes_killed.value() == 0);
}

TEST_CASE("pump: a tee that saw less than the pipe holds sends that much", "[relay][pump][copy]") {
  scripted_pump one;
  CHECK(one.step({asks(call::splice_in, full, moves(500)), asks(call::splice_out, 500, fails(EINVAL)),
                  asks(call::tee, 500, moves(100)), asks(call::read_pipe, 100, moves(60)),
                  asks(call::send, 60, moves(60)), asks(call::read_pipe, 60, moves(40)),
                  asks(call::read_pipe, 20, moves(20)), asks(call::splice_out, 440, blocks())}) ==
        step_result::wants_sink);
  CHECK(one.moves.bytes_out() == 60);
}

namespace {

/// Splices and copies for real, but refuses to splice out as a sandbox would.
class refusing_io final : public sys::stream_io {
 public:
  sys::io_result splice_in(int socket, int pipe, std::size_t n) noexcept override {
    return real_.splice_in(socket, pipe, n);
  }
  sys::io_result splice_out(int, int, std::size_t) noexcept override { return fails(EPERM); }
  sys::io_result splice_out_before_fin(int, int, std::size_t) noexcept override { return fails(EPERM); }
  sys::io_result receive(int socket, std::span<std::byte> into) noexcept override {
    return real_.receive(socket, into);
  }
  sys::io_result peek(int socket, std::span<std::byte> into) noexcept override { return real_.peek(socket, into); }
  sys::io_result send(int socket, std::span<const std::byte> from) noexcept override {
    return real_.send(socket, from);
  }
  sys::io_result write_pipe(int pipe, std::span<const std::byte> from) noexcept override {
    return real_.write_pipe(pipe, from);
  }
  sys::io_result read_pipe(int pipe, std::span<std::byte> into) noexcept override {
    return real_.read_pipe(pipe, into);
  }
  sys::io_result tee(int from, int to, std::size_t n) noexcept override { return real_.tee(from, to, n); }
  int shutdown_write(int socket) noexcept override { return real_.shutdown_write(socket); }
  int set_nodelay(int socket) noexcept override { return real_.set_nodelay(socket); }
  int take_error(int socket) noexcept override { return real_.take_error(socket); }

 private:
  sys::kernel_stream_io real_;
};

class keeper final : public fill_observer {
 public:
  void after_fill(const pipe& filled, std::size_t bytes) noexcept override {
    counted += bytes;
    exact = exact && sys::pipe_bytes(filled.read.get()) == static_cast<long>(bytes) && filled.bytes == bytes;
    ++fills;
  }
  std::size_t counted = 0;
  std::size_t fills = 0;
  bool exact = true;
};

}  // namespace

TEST_CASE("pump: bytes in a pipe whose sink refuses splice arrive in order, through real pipes",
          "[relay][pump][copy]") {
  support::socket_pair in = support::tcp_pair();
  support::socket_pair out = support::tcp_pair();
  counters counts;
  pipe_pool pool({256, 4, 0}, counts);
  std::vector<std::byte> scratch(7);
  refusing_io io;
  pump_context context{io, pool, counts, scratch};
  stream source;
  stream sink;
  source.fd = std::move(in.second);
  source.readable = true;
  sink.fd = std::move(out.first);
  pump moves(source, sink);
  const std::string_view text = "what is in the pipe is sent seven bytes at a time";
  support::send_all(in.first.get(), text);
  support::wait_unread(source.fd.get(), text.size());
  CHECK(moves.step(context, {}) == step_result::wants_source);
  CHECK(support::receive_text(out.second.get(), text.size()) == text);
  CHECK(counts.pipes_in_use.value() == 0);
  CHECK(counts.pipes_killed.value() == 0);
}

TEST_CASE("pump: the observer of fills sees every byte while it is in the pipe", "[relay][pump]") {
  support::socket_pair in = support::tcp_pair();
  support::socket_pair out = support::tcp_pair();
  counters counts;
  pipe_pool pool({256, 4, 0}, counts);
  std::vector<std::byte> scratch(1'024);
  sys::kernel_stream_io io;
  pump_context context{io, pool, counts, scratch};
  stream source;
  stream sink;
  source.fd = std::move(in.second);
  sink.fd = std::move(out.first);
  source.tcp = true;
  pump moves(source, sink);
  keeper watching;
  moves.observe_fills(&watching);
  std::size_t sent = 0;
  for (const std::size_t n : {1u, 5u, 4'096u, 30'000u}) {
    const std::vector<std::byte> bytes(n);
    support::send_all(in.first.get(), bytes);
    support::wait_unread(source.fd.get(), n);
    source.readable = true;
    CHECK(moves.step(context, {}) == step_result::wants_source);
    sent += n;
    CHECK(watching.counted == sent);
  }
  CHECK(watching.exact);
  CHECK(watching.fills == counts.fills.value());
}

}  // namespace sluice::relay::testing
