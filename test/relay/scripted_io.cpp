#include "relay/scripted_io.hpp"

#include <array>
#include <string_view>

#include "support/catch.hpp"

namespace sluice::relay::testing {
namespace {

std::string_view name_of(call what) noexcept {
  constexpr std::array<std::string_view, 12> names{
      "splice_in", "splice_out", "splice_out_before_fin", "receive",   "peek", "send", "write_pipe", "read_pipe",
      "tee",       "shutdown",   "set_nodelay",           "take_error"};
  return names[static_cast<std::size_t>(what)];
}

std::string place(unsigned where) { return "line " + std::to_string(where) + ": "; }

}  // namespace

scripted_io::~scripted_io() { check_done(); }

void scripted_io::check_done(unsigned where) {
  for (const std::string& one : complaints_) UNSCOPED_INFO(one);
  for (const expected_call& one : script_) UNSCOPED_INFO(place(one.where) << name_of(one.what) << " was not called");
  UNSCOPED_INFO("checked at line " << where);
  CHECK((complaints_.empty() && script_.empty()));
  complaints_.clear();
  script_.clear();
}

/// Called where nothing may throw: what is wrong is noted, and told by check_done().
sys::io_result scripted_io::answer(call what, std::optional<int> on, int fd, std::size_t length) noexcept {
  const std::string called = std::string(name_of(what)) + '(' + std::to_string(length) + ')';
  if (script_.empty()) {
    complaints_.push_back(called + " is not in the script");
    return fails(ENOTRECOVERABLE);
  }
  const expected_call next = script_.front();
  if (next.what != what) {
    complaints_.push_back(place(next.where) + std::string(name_of(next.what)) + " expected, but called was " + called);
    return fails(ENOTRECOVERABLE);
  }
  script_.pop_front();
  if (on && *on != fd) complaints_.push_back(place(next.where) + called + " on the wrong socket");
  if (next.length != any_length && next.length != length)
    complaints_.push_back(place(next.where) + called + " should have asked for " + std::to_string(next.length));
  return next.answer;
}

sys::io_result scripted_io::splice_in(int socket, int, std::size_t length) noexcept {
  return answer(call::splice_in, source_, socket, length);
}
sys::io_result scripted_io::splice_out(int, int socket, std::size_t length) noexcept {
  return answer(call::splice_out, sink_, socket, length);
}
sys::io_result scripted_io::splice_out_before_fin(int, int socket, std::size_t length) noexcept {
  return answer(call::splice_out_before_fin, sink_, socket, length);
}
sys::io_result scripted_io::receive(int socket, std::span<std::byte> into) noexcept {
  return answer(call::receive, source_, socket, into.size());
}
sys::io_result scripted_io::peek(int socket, std::span<std::byte> into) noexcept {
  return answer(call::peek, source_, socket, into.size());
}
sys::io_result scripted_io::send(int socket, std::span<const std::byte> from) noexcept {
  return answer(call::send, sink_, socket, from.size());
}
sys::io_result scripted_io::write_pipe(int, std::span<const std::byte> from) noexcept {
  return answer(call::write_pipe, std::nullopt, -1, from.size());
}
sys::io_result scripted_io::read_pipe(int, std::span<std::byte> into) noexcept {
  return answer(call::read_pipe, std::nullopt, -1, into.size());
}
sys::io_result scripted_io::tee(int, int, std::size_t length) noexcept {
  return answer(call::tee, std::nullopt, -1, length);
}
int scripted_io::shutdown_write(int socket) noexcept { return answer(call::shutdown_write, sink_, socket, 0).error; }
int scripted_io::set_nodelay(int socket) noexcept { return answer(call::set_nodelay, sink_, socket, 0).error; }
int scripted_io::take_error(int) noexcept { return answer(call::take_error, std::nullopt, -1, 0).error; }

}  // namespace sluice::relay::testing
