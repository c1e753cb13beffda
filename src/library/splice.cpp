#include "sluice/splice.hpp"

#include <algorithm>
#include <cerrno>

#include "library/pipe_access.hpp"
#include "relay/pipe_pool.hpp"
#include "sys/sigpipe_guard.hpp"
#include "sys/stream_io.hpp"

namespace sluice::zero_copy {

move_result splice(int source, pipe& into, std::size_t most) noexcept {
  sluice::relay::pipe* const held = pipe_access::of(into);
  if (held == nullptr) return failed(EBADF);
  if (held->bytes != 0) return failed(EBUSY);
  const std::size_t room = std::min(most, held->fill_bytes);
  if (room == 0) return as_result(sys::io_result::would_block());  // splice answers 0 to this, which is no end of file
  const sys::io_result moved = sys::kernel_stream_io().splice_in(source, held->write.get(), room);
  held->bytes = moved.bytes;
  return as_result(moved);
}

move_result splice(pipe& from, int sink, std::size_t most) noexcept {
  sluice::relay::pipe* const held = pipe_access::of(from);
  if (held == nullptr) return failed(EBADF);
  const std::size_t length = std::min(most, held->bytes);
  if (length == 0) return as_result(sys::io_result::would_block());
  sys::sigpipe_guard guard;
  const sys::io_result moved = sys::kernel_stream_io().splice_out(held->read.get(), sink, length);
  if (moved.error == EPIPE) guard.expect_signal();
  held->bytes -= moved.bytes;
  return as_result(moved);
}

move_result tee(const pipe& from, pipe& into) noexcept {
  const sluice::relay::pipe* const first = pipe_access::of(from);
  sluice::relay::pipe* const second = pipe_access::of(into);
  if (first == nullptr || second == nullptr) return failed(EBADF);
  if (second->bytes != 0) return failed(EBUSY);
  if (first->bytes == 0) return as_result(sys::io_result::would_block());
  const sys::io_result moved = sys::kernel_stream_io().tee(first->read.get(), second->write.get(), first->bytes);
  second->bytes = moved.bytes;
  return as_result(moved);
}

}  // namespace sluice::zero_copy
