// The public interface by message size, 1 KiB to 1 MiB, over TCP and unix sockets: the sweep by which acln0/zerocopy
// shows itself, beside read and write. One thread sends a message, relays it and takes it in; `without` is what to
// subtract.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "sluice/relay.hpp"
#include "sluice/splice.hpp"

#include "sys/unique_fd.hpp"

namespace {

namespace zero_copy = sluice::zero_copy;
using sluice::sys::unique_fd;

enum class family : std::uint8_t { tcp, unix_stream };
enum class way : std::uint8_t { without, read_write, primitives, relay };

struct connection {
  explicit connection(family kind) {
    int ends[2];
    if (kind == family::unix_stream) {
      if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
        throw std::runtime_error("socketpair");
      ours.reset(ends[0]);
      peers.reset(ends[1]);
      return;
    }
    const unique_fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const where = reinterpret_cast<sockaddr*>(&address);
    ours.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::bind(listener.get(), where, size) != 0 || ::listen(listener.get(), 1) != 0 ||
        ::getsockname(listener.get(), where, &size) != 0 || ::connect(ours.get(), where, size) != 0)
      throw std::runtime_error("no connection");
    peers.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    const int on = 1;
    for (const int fd : {ours.get(), peers.get()}) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  unique_fd ours;
  unique_fd peers;
};

/// Everything there is from one socket to the other, by one of the ways.
class mover {
 public:
  mover(way how, int from, int into)
      : from_(from), into_(into), relay_(pool_, from, into), buffer_(64 * 1024), between_(pool_.borrow()), how_(how) {}

  void move() {
    switch (how_) {
      case way::without: return;
      case way::read_write: return read_write();
      case way::primitives: return splice();
      case way::relay:
        relay_.ready(from_, readable);
        relay_.ready(into_, writable);
        relay_.step();
        return;
    }
  }

 private:
  static constexpr std::uint32_t readable = 1;  // EPOLLIN
  static constexpr std::uint32_t writable = 4;  // EPOLLOUT

  void read_write() {
    if (begun_ == end_) {
      const ssize_t n = ::recv(from_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      begun_ = 0;
      end_ = n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    const ssize_t n = ::send(into_, buffer_.data() + begun_, end_ - begun_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) begun_ += static_cast<std::size_t>(n);
  }
  void splice() {
    do {
      while (between_.bytes() > 0)
        if (!zero_copy::splice(between_, into_)) return;
    } while (zero_copy::splice(from_, between_));
  }

  zero_copy::pipe_pool pool_{{1'024, 8, 1024 * 1024}};
  int from_;
  int into_;
  zero_copy::relay relay_;
  std::vector<std::byte> buffer_;
  std::size_t begun_ = 0;
  std::size_t end_ = 0;
  zero_copy::pipe between_;
  way how_;
};

void message(benchmark::State& state, family kind, way how) {
  const auto bytes = static_cast<std::size_t>(state.range(0));
  std::vector<std::byte> memory(bytes);
  connection in(kind);
  connection out(kind);
  mover subject(how, in.ours.get(), out.ours.get());
  const int from = how == way::without ? in.ours.get() : out.peers.get();
  for (auto _ : state) {
    std::size_t sent = 0;
    std::size_t got = 0;
    while (got < bytes) {
      if (sent < bytes) {
        const ssize_t n = ::send(in.peers.get(), memory.data() + sent, bytes - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) sent += static_cast<std::size_t>(n);
      }
      subject.move();
      const ssize_t n = ::recv(from, memory.data(), memory.size(), MSG_DONTWAIT);
      if (n > 0) got += static_cast<std::size_t>(n);
    }
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes));
}

void tcp_without(benchmark::State& state) { message(state, family::tcp, way::without); }
void tcp_read_write(benchmark::State& state) { message(state, family::tcp, way::read_write); }
void tcp_splice(benchmark::State& state) { message(state, family::tcp, way::primitives); }
void tcp_relay(benchmark::State& state) { message(state, family::tcp, way::relay); }
void unix_without(benchmark::State& state) { message(state, family::unix_stream, way::without); }
void unix_read_write(benchmark::State& state) { message(state, family::unix_stream, way::read_write); }
void unix_splice(benchmark::State& state) { message(state, family::unix_stream, way::primitives); }
void unix_relay(benchmark::State& state) { message(state, family::unix_stream, way::relay); }

constexpr std::int64_t smallest = 1024;
constexpr std::int64_t largest = 1024 * 1024;

BENCHMARK(tcp_without)->RangeMultiplier(4)->Range(smallest, largest);
BENCHMARK(tcp_read_write)->RangeMultiplier(4)->Range(smallest, largest);
BENCHMARK(tcp_splice)->RangeMultiplier(4)->Range(smallest, largest);
BENCHMARK(tcp_relay)->RangeMultiplier(4)->Range(smallest, largest);
BENCHMARK(unix_without)->RangeMultiplier(4)->Range(smallest, largest);
BENCHMARK(unix_read_write)->RangeMultiplier(4)->Range(smallest, largest);
BENCHMARK(unix_splice)->RangeMultiplier(4)->Range(smallest, largest);
BENCHMARK(unix_relay)->RangeMultiplier(4)->Range(smallest, largest);

}  // namespace
