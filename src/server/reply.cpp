#include "server/reply.hpp"

#include <algorithm>
#include <cerrno>

namespace sluice::server {
namespace {

constexpr loop::time_ns millisecond = 1'000'000;
constexpr loop::time_ns time_to_ask = 100 * millisecond;
constexpr loop::time_ns time_to_take = 30'000 * millisecond;
constexpr loop::time_ns time_to_close = 2'000 * millisecond;
constexpr std::size_t piece_bytes = std::size_t{1} << 20U;
constexpr int reads_a_turn = 16;  // of a client that does not stop sending

}  // namespace

loop::task<replied> send_reply(reply_place to, const sys::open_file& file) {
  const loop::time_ns& now = to.worker.now;
  const int socket = to.client.fd.get();
  const loop::time_ns ask_until = now + time_to_ask;
  while (!to.client.readable && now < ask_until) {
    const loop::woken woke = co_await to.wait.until(ask_until);
    if (woke.reason == loop::wake::cancelled) co_return replied{0, ECANCELED};
  }

  replied result;
  const loop::time_ns take_until = now + time_to_take;
  while (result.bytes < file.bytes) {
    const std::uint64_t left = file.bytes - result.bytes;
    const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(left, piece_bytes));
    const sys::io_result sent = sys::send_file(socket, file.fd.get(), result.bytes, length);
    if (sent.what == sys::io_result::kind::moved) result.bytes += sent.bytes;
    if (sent.what == sys::io_result::kind::failed) result.error = sent.error;
    if (sent.what == sys::io_result::kind::eof) result.error = EIO;  // somebody cut the file short
    if (result.error != 0) co_return result;
    if (sent.what != sys::io_result::kind::would_block) continue;
    if (now >= take_until) result.error = ETIMEDOUT;
    if (result.error != 0) co_return result;
    const loop::woken woke = co_await to.wait.until(take_until);
    if (woke.reason == loop::wake::cancelled) result.error = ECANCELED;
    if (result.error != 0) co_return result;
  }

  to.worker.pumps.io.shutdown_write(socket);
  const loop::time_ns close_until = now + time_to_close;
  for (int reads = 0; now < close_until;) {
    const sys::io_result got = to.worker.pumps.io.receive(socket, to.worker.pumps.scratch);
    if (got.what == sys::io_result::kind::eof || got.what == sys::io_result::kind::failed) break;
    if (got.what == sys::io_result::kind::moved && ++reads % reads_a_turn != 0) continue;
    const bool has_more = got.what == sys::io_result::kind::moved;
    const loop::woken woke = co_await to.wait.until(has_more ? now : close_until);
    // It has the whole reply: who hurries now takes nothing away.
    if (woke.reason == loop::wake::cancelled) break;
  }
  co_return result;
}

}  // namespace sluice::server
