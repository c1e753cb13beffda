#include "relay/simulated_io.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "sys/pipe.hpp"

namespace sluice::relay::testing {

using sys::io_result;

namespace {

constexpr std::size_t page = 4'096;

std::size_t slots_of(int pipe) noexcept { return static_cast<std::size_t>(::fcntl(pipe, F_GETPIPE_SZ)) / page; }

}  // namespace

void simulated_io::add_segment(std::size_t n, bool urgent) {
  if (ended_ || was_reset_) return;
  // There is one mark at a time: a later one makes the earlier byte an ordinary one (tcp(7)).
  if (urgent)
    for (segment& one : queue_) one.urgent = false;
  queue_.push_back({sent_, n, urgent});
  sent_ += n;
  source_edge_ = true;
}

void simulated_io::peer_ends() {
  if (was_reset_) return;
  ended_ = true;
  source_edge_ = true;
}

void simulated_io::peer_resets() {
  if (was_reset_) return;
  was_reset_ = true;
  source_error_ = ECONNRESET;
  source_edge_ = true;
}

void simulated_io::reader_takes(std::size_t n) {
  room_ += n;
  if (waits_for_room_) sink_edge_ = true;
  waits_for_room_ = false;
}

void simulated_io::reader_resets() {
  if (sink_dead_) return;
  sink_dead_ = true;
  sink_error_ = ECONNRESET;
  sink_edge_ = true;
}

std::uint32_t simulated_io::harvest_source() noexcept {
  if (!source_edge_) return 0;
  source_edge_ = false;
  std::uint32_t edges = 0;
  if (!queue_.empty()) edges |= EPOLLIN;
  if (std::any_of(queue_.begin(), queue_.end(), [](const segment& one) { return one.urgent; })) edges |= EPOLLPRI;
  if (ended_ || was_reset_) edges |= EPOLLIN | EPOLLRDHUP;
  if (was_reset_) edges |= EPOLLHUP;
  if (source_error_ != 0) edges |= EPOLLERR;
  return edges;
}

std::uint32_t simulated_io::harvest_sink() noexcept {
  if (!sink_edge_) return 0;
  sink_edge_ = false;
  return sink_dead_ ? EPOLLOUT | EPOLLERR | EPOLLHUP : EPOLLOUT;
}

bool simulated_io::source_has_more() const noexcept { return !queue_.empty() || ended_ || was_reset_; }

bool simulated_io::injects(const char* call, io_result& answer) noexcept {
  if (++calls_ != fails_at_) return false;
  failed_call_ = call;
  answer = injected_ == EAGAIN ? io_result::would_block() : io_result::failed(injected_);
  return true;
}

void simulated_io::wrong(const std::string& what) {
  if (violation_.empty()) violation_ = what;
}

simulated_io::fragments& simulated_io::pipe_behind(int fd) {
  struct stat file {};
  ::fstat(fd, &file);
  return pipes_[file.st_ino];
}

std::size_t simulated_io::readable_bytes(bool past) const noexcept {
  std::size_t n = 0;
  for (const segment& one : queue_) {
    if (one.urgent && (n > 0 || !past)) break;
    n += one.bytes;
  }
  return n;
}

std::vector<std::byte> simulated_io::take(std::size_t n) {
  std::vector<std::byte> bytes = stream_.bytes(queue_.front().begin, n);
  taken_ += n;
  while (n > 0) {
    segment& head = queue_.front();
    const std::size_t part = std::min(n, head.bytes);
    head.begin += part;
    head.bytes -= part;
    head.urgent = false;
    n -= part;
    if (head.bytes == 0) queue_.pop_front();
  }
  return bytes;
}

/// In the kernel's order: the end of file is looked at first, even at an urgent mark when it is splice that asks.
io_result simulated_io::nothing_to_read(bool splicing) noexcept {
  if (!queue_.empty() && !splicing) return io_result::would_block();
  if (ended_) return io_result::eof();
  if (source_error_ != 0) return io_result::failed(std::exchange(source_error_, 0));
  if (was_reset_) return io_result::eof();
  return io_result::would_block();
}

io_result simulated_io::splice_in(int, int pipe_write, std::size_t length) noexcept {
  io_result answer;
  if (injects("splice_in", answer)) return answer;
  fragments& pipe = pipe_behind(pipe_write);
  if (!pipe.empty()) wrong("splice into a pipe that is not empty");
  if (length == 0) wrong("splice asked for nothing");
  if (happens(like_.refuses_in)) {
    constexpr std::array errors{EINVAL, EPERM, ENOMEM, ENOMEM, ENOMEM, ENOMEM};
    return io_result::failed(errors[up_to(errors.size()) - 1]);
  }
  const std::size_t there = readable_bytes(false);
  if (there == 0) return nothing_to_read(true);
  const std::size_t slots = slots_of(pipe_write);
  std::size_t most = std::min({there, length, slots * page});
  if (!like_.tcp) most = up_to(most);
  std::size_t moved = 0;
  while (moved < most && pipe.size() < slots) {
    const std::size_t part = std::min(most - moved, queue_.front().bytes);
    pipe.push_back(take(part));
    moved += part;
  }
  return io_result::moved(moved);
}

io_result simulated_io::sink_fails() noexcept {
  const int error = std::exchange(sink_error_, 0);
  return io_result::failed(error != 0 ? error : EPIPE);
}

io_result simulated_io::deliver(std::span<const std::byte> bytes) {
  if (fin_delivered_) wrong("bytes behind the end of file");
  if (stream_.matching(delivered_, bytes) != bytes.size()) wrong("wrong bytes at " + std::to_string(delivered_));
  delivered_ += bytes.size();
  room_ -= bytes.size();
  return io_result::moved(bytes.size());
}

io_result simulated_io::splice_out(int pipe_read, int, std::size_t length) noexcept {
  io_result answer;
  if (injects("splice_out", answer)) return answer;
  fragments& pipe = pipe_behind(pipe_read);
  std::size_t held = 0;
  for (const auto& one : pipe) held += one.size();
  if (held != length) wrong("splice out asked for " + std::to_string(length) + " of " + std::to_string(held));
  if (sink_dead_) return sink_fails();
  if (happens(like_.refuses_out)) {
    constexpr std::array errors{EINVAL, ENOSYS, ENOMEM, ENOMEM, ENOMEM, ENOMEM};
    return io_result::failed(errors[up_to(errors.size()) - 1]);
  }
  if (room_ == 0) {
    waits_for_room_ = true;
    return io_result::would_block();
  }
  std::size_t most = std::min(room_, length);
  if (happens(like_.partial)) most = up_to(most);
  std::size_t moved = 0;
  while (moved < most) {
    std::vector<std::byte>& head = pipe.front();
    const std::size_t part = std::min(most - moved, head.size());
    deliver(std::span(head).first(part));
    head.erase(head.begin(), head.begin() + static_cast<std::ptrdiff_t>(part));
    if (head.empty()) pipe.pop_front();
    moved += part;
  }
  return io_result::moved(moved);
}

io_result simulated_io::splice_out_before_fin(int pipe_read, int socket, std::size_t length) noexcept {
  if (!ended_ || !queue_.empty()) wrong("a tail held back for an end of file that does not follow");
  return splice_out(pipe_read, socket, length);
}

io_result simulated_io::read(std::span<std::byte> into, bool keeps) {
  const std::size_t there = readable_bytes(true);
  if (there == 0) return nothing_to_read(false);
  const std::size_t n = std::min(there, into.size());
  if (keeps) {
    stream_.fill(queue_.front().begin, into.first(n));
  } else {
    const auto bytes = take(n);
    std::copy(bytes.begin(), bytes.end(), into.begin());
  }
  return io_result::moved(n);
}

io_result simulated_io::receive(int, std::span<std::byte> into) noexcept {
  io_result answer;
  return injects("receive", answer) ? answer : read(into, false);
}

io_result simulated_io::peek(int, std::span<std::byte> into) noexcept {
  io_result answer;
  return injects("peek", answer) ? answer : read(into, true);
}

io_result simulated_io::send(int, std::span<const std::byte> from) noexcept {
  io_result answer;
  if (injects("send", answer)) return answer;
  if (sink_dead_) return sink_fails();
  if (room_ == 0) {
    waits_for_room_ = true;
    return io_result::would_block();
  }
  std::size_t most = std::min(room_, from.size());
  if (happens(like_.partial)) most = up_to(most);
  return deliver(from.first(most));
}

io_result simulated_io::write_pipe(int pipe_write, std::span<const std::byte> from) noexcept {
  io_result answer;
  if (injects("write_pipe", answer)) return answer;
  fragments& pipe = pipe_behind(pipe_write);
  if (!pipe.empty()) wrong("write into a pipe that is not empty");
  if (from.size() > slots_of(pipe_write) * page) wrong("write of more than the pipe takes");
  for (std::size_t at = 0; at < from.size(); at += page) {
    const auto part = from.subspan(at, std::min(page, from.size() - at));
    pipe.emplace_back(part.begin(), part.end());
  }
  return io_result::moved(from.size());
}

io_result simulated_io::read_pipe(int pipe_read, std::span<std::byte> into) noexcept {
  io_result answer;
  if (injects("read_pipe", answer)) return answer;
  fragments& pipe = pipe_behind(pipe_read);
  std::size_t n = 0;
  while (n < into.size() && !pipe.empty()) {
    std::vector<std::byte>& head = pipe.front();
    const std::size_t part = std::min(into.size() - n, head.size());
    std::copy_n(head.begin(), part, into.begin() + static_cast<std::ptrdiff_t>(n));
    head.erase(head.begin(), head.begin() + static_cast<std::ptrdiff_t>(part));
    if (head.empty()) pipe.pop_front();
    n += part;
  }
  return n > 0 ? io_result::moved(n) : io_result::would_block();
}

io_result simulated_io::tee(int pipe_read, int pipe_write, std::size_t length) noexcept {
  io_result answer;
  if (injects("tee", answer)) return answer;
  const fragments& from = pipe_behind(pipe_read);
  fragments& to = pipe_behind(pipe_write);
  to.clear();  // a pipe of its own, made for this call: an inode that was used before
  std::size_t n = 0;
  for (const auto& one : from) {
    if (n == length || to.size() == slots_of(pipe_write)) break;
    const std::size_t part = std::min(length - n, one.size());
    to.emplace_back(one.begin(), one.begin() + static_cast<std::ptrdiff_t>(part));
    n += part;
  }
  return n > 0 ? io_result::moved(n) : io_result::would_block();
}

int simulated_io::shutdown_write(int) noexcept {
  io_result answer;
  if (injects("shutdown_write", answer)) return answer.error != 0 ? answer.error : EAGAIN;
  if (sink_dead_) return ENOTCONN;
  if (!ended_ || !queue_.empty()) wrong("an end of file before the last byte");
  if (delivered_ != sent_) wrong("an end of file with " + std::to_string(sent_ - delivered_) + " bytes missing");
  if (fin_delivered_) wrong("a second end of file");
  fin_delivered_ = true;
  return 0;
}

int simulated_io::take_error(int socket) noexcept {
  return std::exchange(socket == sink_fd_ ? sink_error_ : source_error_, 0);
}

}  // namespace sluice::relay::testing
