#include "sluice/pipe.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "library/pipe_access.hpp"
#include "relay/pipe_pool.hpp"
#include "sys/pipe.hpp"
#include "sys/stream_io.hpp"

namespace sluice::zero_copy {

move_result as_result(const sys::io_result& moved) noexcept {
  using kind = sys::io_result::kind;
  switch (moved.what) {
    case kind::moved: return {move_result::kind::moved, moved.bytes, {}};
    case kind::eof: return {move_result::kind::end_of_file, 0, {}};
    case kind::would_block: return {move_result::kind::would_block, 0, {}};
    case kind::failed: break;
  }
  return failed(moved.error);
}

pipe::pipe(std::size_t wished_bytes) noexcept {
  sys::pipe_pair made = sys::make_pipe(wished_bytes);
  if (made) held_ = new (std::nothrow) sluice::relay::pipe;
  if (held_ == nullptr) {
    error_ = system_error(made ? ENOMEM : made.error);
    return;
  }
  held_->read = std::move(made.read);
  held_->write = std::move(made.write);
  held_->slots = made.slots;
  held_->fill_bytes = made.slots * sys::page_size();
}

pipe::pipe(pipe&& other) noexcept
    : held_(std::exchange(other.held_, nullptr)), pool_(other.pool_), error_(other.error_) {}

pipe& pipe::operator=(pipe&& other) noexcept {
  if (this != &other) {
    let_go();
    held_ = std::exchange(other.held_, nullptr);
    pool_ = other.pool_;
    error_ = other.error_;
  }
  return *this;
}

pipe::~pipe() { let_go(); }

void pipe::let_go() noexcept {
  if (held_ == nullptr) return;
  if (pool_ != nullptr) {
    pool_->give_back(held_);
  } else {
    delete held_;
  }
  held_ = nullptr;
}

int pipe::read_end() const noexcept { return held_ != nullptr ? held_->read.get() : -1; }
int pipe::write_end() const noexcept { return held_ != nullptr ? held_->write.get() : -1; }
std::size_t pipe::size_bytes() const noexcept { return held_ != nullptr ? held_->fill_bytes : 0; }
std::uint32_t pipe::slots() const noexcept { return held_ != nullptr ? held_->slots : 0; }
std::size_t pipe::bytes() const noexcept { return held_ != nullptr ? held_->bytes : 0; }

move_result read(pipe& from, std::span<std::byte> into) noexcept {
  sluice::relay::pipe* const held = pipe_access::of(from);
  if (held == nullptr) return failed(EBADF);
  const std::size_t most = std::min(into.size(), held->bytes);
  if (most == 0) return as_result(sys::io_result::would_block());
  const sys::io_result moved = sys::kernel_stream_io().read_pipe(held->read.get(), into.first(most));
  held->bytes -= moved.bytes;
  return as_result(moved);
}

move_result write(pipe& into, std::span<const std::byte> from) noexcept {
  sluice::relay::pipe* const held = pipe_access::of(into);
  if (held == nullptr) return failed(EBADF);
  if (held->bytes != 0) return failed(EBUSY);
  if (from.empty()) return as_result(sys::io_result::would_block());
  // No SIGPIPE: the reading end is this pipe's own.
  const sys::io_result moved = sys::kernel_stream_io().write_pipe(held->write.get(), from);
  held->bytes = moved.bytes;
  return as_result(moved);
}

}  // namespace sluice::zero_copy
