#include "far_ends.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <vector>

#include "coded_bytes.hpp"
#include "measured.hpp"

namespace sluice::bench::lab {
namespace {

std::size_t piece_of(std::uint64_t bytes) {
  return static_cast<std::size_t>(std::min<std::uint64_t>(bytes, largest_piece));
}

std::jthread start(std::string& wrong, std::function<void()> work) {
  coded(0, 1);  // made before it is timed
  return std::jthread([&wrong, run = std::move(work)] {
    keep_to(place::others);
    try {
      run();
    } catch (const std::exception& error) {
      wrong = error.what();
    }
  });
}

}  // namespace

taker::taker(const unique_fd& socket, bool verify, std::uint64_t again_after) : socket_(socket.get()) {
  thread_ = start(wrong_, [=, this] { verify ? verify_all(again_after) : discard_all(); });
}

taker::~taker() {
  if (thread_.joinable()) shutdown(socket_, SHUT_RDWR);
}

void taker::discard_all() {
  for (io_result got = discard(socket_, largest_chunk_bytes); got.state != io_state::ended;
       got = discard(socket_, largest_chunk_bytes)) {
    taken_ += got.bytes;
  }
}

void taker::verify_all(std::uint64_t again_after) {
  std::vector<std::byte> buffer(largest_piece);
  std::exception_ptr first_error;
  while (true) {
    const std::uint64_t position = again_after != 0 ? taken_ % again_after : taken_;
    const std::size_t room = again_after != 0 ? piece_of(again_after - position) : buffer.size();
    const io_result got = receive(socket_, std::span(buffer).first(room));
    if (got.state == io_state::ended) break;
    try {
      verify_coded(std::span(buffer).first(got.bytes), position);
    } catch (...) {
      if (!first_error) first_error = std::current_exception();  // and go on, so that nobody waits for us
    }
    taken_ += got.bytes;
  }
  if (first_error) std::rethrow_exception(first_error);
}

void taker::finish(const unique_fd& sender, std::uint64_t expected) {
  shutdown(sender.get(), SHUT_WR);
  thread_.join();
  if (!wrong_.empty()) throw std::runtime_error(wrong_);
  if (taken_ != expected) {
    throw std::runtime_error(std::to_string(taken_) + " bytes arrived, not " + std::to_string(expected));
  }
}

giver::giver(const unique_fd& socket, std::uint64_t bytes)
    : socket_(socket.get()), thread_([fd = socket.get(), bytes] {
        keep_to(place::others);
        for (std::uint64_t position = 0; position < bytes;) {
          const io_result sent = transmit(fd, coded(position, piece_of(bytes - position)));
          if (sent.state == io_state::ended) return;
          position += sent.bytes;
        }
      }) {}

giver::~giver() { shutdown(socket_, SHUT_RDWR); }

messenger::messenger(const unique_fd& sends, const unique_fd& receives, std::size_t message_bytes, std::uint64_t bytes,
                     bool verify)
    : sends_(sends.get()), receives_(receives.get()) {
  thread_ = start(wrong_, [=, this] { run(message_bytes, bytes, verify); });
}

messenger::~messenger() {
  if (!thread_.joinable()) return;
  shutdown(sends_, SHUT_RDWR);
  shutdown(receives_, SHUT_RDWR);
}

void messenger::run(std::size_t message_bytes, std::uint64_t bytes, bool verify) {
  try {
    for (std::uint64_t from = 0; from < bytes; from += message_bytes) {
      one_message(from, std::min(bytes, from + message_bytes), verify);
    }
  } catch (...) {
    shutdown(sends_, SHUT_RDWR);  // nobody must wait for what will not come
    shutdown(receives_, SHUT_RDWR);
    throw;
  }
}

void messenger::one_message(std::uint64_t from, std::uint64_t to, bool verify) {
  static thread_local std::vector<std::byte> buffer(largest_piece);
  std::uint64_t sent = from;
  std::uint64_t received = from;
  while (received < to) {
    if (sent < to) {
      const auto piece = coded(sent, piece_of(to - sent));
      const ssize_t result = send(sends_, piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (result > 0) sent += static_cast<std::uint64_t>(result);
      if (result < 0 && errno != EAGAIN) throw_errno("send");
    }
    // With all of it sent there is only one thing left to wait for, and no need to ask whether it came.
    const int flags = (verify ? 0 : MSG_TRUNC) | (sent < to ? MSG_DONTWAIT : 0);
    const ssize_t got = recv(receives_, buffer.data(), piece_of(to - received), flags);
    if (got == 0) throw std::runtime_error("a message ended early");
    if (got < 0 && errno != EAGAIN) throw_errno("recv");
    if (got > 0) {
      if (verify) look_at(std::span(buffer).first(static_cast<std::size_t>(got)), received);
      received += static_cast<std::uint64_t>(got);
    } else {
      pollfd both[2] = {{.fd = sends_, .events = POLLOUT, .revents = 0},
                        {.fd = receives_, .events = POLLIN, .revents = 0}};
      poll(both, 2, 1000);
    }
  }
}

/// Remembers what is wrong and goes on, so that nobody waits for us.
void messenger::look_at(std::span<const std::byte> bytes, std::uint64_t position) {
  try {
    verify_coded(bytes, position);
  } catch (const std::exception& error) {
    if (wrong_.empty()) wrong_ = error.what();
  }
}

void messenger::finish() {
  thread_.join();
  if (!wrong_.empty()) throw std::runtime_error(wrong_);
}

}  // namespace sluice::bench::lab
