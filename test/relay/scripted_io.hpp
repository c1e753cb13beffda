#pragma once

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "sys/stream_io.hpp"

namespace sluice::relay::testing {

enum class call : std::uint8_t {
  splice_in,
  splice_out,
  splice_out_before_fin,
  receive,
  peek,
  send,
  write_pipe,
  read_pipe,
  tee,
  shutdown_write,
  set_nodelay,
  take_error
};

/// One call that is expected next, the length it must ask for, and its answer.
struct expected_call {
  call what;
  std::size_t length;     ///< any_length: not looked at
  sys::io_result answer;  ///< of shutdown_write and take_error the error alone
  unsigned where = 0;     ///< the line of the test
};

inline constexpr std::size_t any_length = SIZE_MAX;

inline sys::io_result moves(std::size_t n) { return sys::io_result::moved(n); }
inline sys::io_result blocks() { return sys::io_result::would_block(); }
inline sys::io_result ends() { return sys::io_result::eof(); }
inline sys::io_result fails(int error) { return sys::io_result::failed(error); }

inline expected_call asks(call what, std::size_t length, sys::io_result answer, unsigned where = __builtin_LINE()) {
  return {what, length, answer, where};
}

/// A kernel whose answers are a script. Every call must be the next of the script, on the right descriptor; the end
/// CHECKs that nothing else was called and nothing is left. A failure names the line of the step.
///
/// Sockets are told apart by their descriptors, pipes are the pool's own.
class scripted_io final : public sys::stream_io {
 public:
  ~scripted_io() override;

  void sockets(int source, int sink) noexcept {
    source_ = source;
    sink_ = sink;
  }
  /// Adds to the end of the script.
  void expect(std::initializer_list<expected_call> steps) { script_.insert(script_.end(), steps.begin(), steps.end()); }
  /// CHECKs that the script has been followed to its end.
  void check_done(unsigned where = __builtin_LINE());

  sys::io_result splice_in(int socket, int pipe_write, std::size_t length) noexcept override;
  sys::io_result splice_out(int pipe_read, int socket, std::size_t length) noexcept override;
  sys::io_result splice_out_before_fin(int pipe_read, int socket, std::size_t length) noexcept override;
  sys::io_result receive(int socket, std::span<std::byte> into) noexcept override;
  sys::io_result peek(int socket, std::span<std::byte> into) noexcept override;
  sys::io_result send(int socket, std::span<const std::byte> from) noexcept override;
  sys::io_result write_pipe(int pipe_write, std::span<const std::byte> from) noexcept override;
  sys::io_result read_pipe(int pipe_read, std::span<std::byte> into) noexcept override;
  sys::io_result tee(int pipe_read, int pipe_write, std::size_t length) noexcept override;
  int shutdown_write(int socket) noexcept override;
  int set_nodelay(int socket) noexcept override;
  int take_error(int socket) noexcept override;

 private:
  sys::io_result answer(call what, std::optional<int> on, int fd, std::size_t length) noexcept;

  int source_ = -1;
  int sink_ = -1;
  std::deque<expected_call> script_;
  std::vector<std::string> complaints_;
};

}  // namespace sluice::relay::testing
