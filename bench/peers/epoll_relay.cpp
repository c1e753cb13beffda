// The yardstick: about the least a splice(2) relay on epoll can do and still be correct. One thread, one edge-triggered
// set, one target, no limits, no timeouts, no log. What it leaves out is what a real proxy is for; what it costs is the
// floor.
//
//   epoll_relay TARGET_PORT LISTEN_PORT ...        (all on 127.0.0.1)

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

namespace {

constexpr int pipe_bytes = 1 << 20;
constexpr int page_bytes = 4096;
constexpr int fills_a_turn = 8;     // then the back of the ready queue, so that one fast stream can't hold the thread
constexpr int accepts_a_turn = 64;  // likewise for a burst of clients
constexpr std::size_t pooled_pipes = 256;
constexpr std::uint32_t every_edge = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
constexpr std::uint32_t silent = EPOLLOUT | EPOLLRDHUP | EPOLLET;

struct pipe_pair {
  int out = -1;
  int in = -1;
  std::size_t slots = 0;  // a fill shorter than this in bytes cannot have run out of slots
};

struct session;

/// One socket; without an owner it is a listener. The flags are sticky: only EAGAIN (or, for readable, a fill proven
/// short) clears them.
struct side {
  session* owner = nullptr;
  int fd = -1;
  bool readable = false;
  bool writable = false;
  bool ending = false;    // RDHUP, HUP or ERR was harvested: a short fill proves nothing any more
  bool silenced = false;  // IN is masked, because its sink is blocked
  pipe_pair pipe;         // held only while it holds bytes on their way out of this side
  std::size_t in_pipe = 0;
  bool at_end = false;    // this side sent its FIN
  bool fin_sent = false;  // and the other side was given it
};

struct session {
  side client;
  side backend;
  bool connected = false;
  bool closed = false;
  bool queued = false;
};

enum class outcome { blocked, again, failed };

class relay {
 public:
  explicit relay(std::uint16_t target_port);
  void listen_on(std::uint16_t port);
  [[noreturn]] void run();

 private:
  void accept_batch(int listener);
  void open_session(int client);
  void on_edges(side& at, std::uint32_t edges);
  void step(session& it);
  outcome move(side& source, side& sink);
  void silence(side& source);
  void close_session(session& it, bool reset);
  bool borrow(pipe_pair& pipe);
  void give_back(pipe_pair& pipe);

  int set_ = -1;
  sockaddr_in target_{};
  std::vector<std::unique_ptr<side>> listeners_;
  std::vector<pipe_pair> pool_;
  std::vector<session*> ready_;  // ran out of its turn
  std::vector<session*> dead_;   // freed after the batch of events that may still name them
};

void check(int result, const char* what) {
  if (result >= 0) return;
  std::perror(what);
  std::exit(1);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

relay::relay(std::uint16_t target_port) : target_(loopback(target_port)) {
  check(set_ = epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
}

void relay::listen_on(std::uint16_t port) {
  auto made = std::make_unique<side>();
  check(made->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  const int on = 1;
  const sockaddr_in address = loopback(port);
  check(setsockopt(made->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "SO_REUSEADDR");
  check(setsockopt(made->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");  // clients inherit it
  check(bind(made->fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  check(listen(made->fd, 4096), "listen");
  epoll_event interest{.events = EPOLLIN, .data = {.ptr = made.get()}};
  check(epoll_ctl(set_, EPOLL_CTL_ADD, made->fd, &interest), "epoll_ctl");
  listeners_.push_back(std::move(made));
}

void relay::run() {
  std::array<epoll_event, 256> events;
  std::vector<session*> turn;
  for (;;) {
    const int count = epoll_wait(set_, events.data(), static_cast<int>(events.size()), ready_.empty() ? -1 : 0);
    if (count < 0 && errno != EINTR) check(count, "epoll_wait");
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      side& at = *static_cast<side*>(event.data.ptr);
      if (at.owner == nullptr) {
        accept_batch(at.fd);
      } else {
        on_edges(at, event.events);
      }
    }
    turn.swap(ready_);
    for (session* it : turn) {
      it->queued = false;
      if (!it->closed) step(*it);
    }
    turn.clear();
    for (session* it : dead_) delete it;
    dead_.clear();
  }
}

void relay::accept_batch(int listener) {
  for (int i = 0; i < accepts_a_turn; ++i) {
    const int client = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) return;
    open_session(client);
  }
}

void relay::open_session(int client) {
  auto* it = new session;
  it->client = {.owner = it, .fd = client, .pipe = {}};
  it->backend = {.owner = it, .fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), .pipe = {}};
  const int on = 1;
  if (it->backend.fd < 0 || setsockopt(it->backend.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 ||
      (connect(it->backend.fd, reinterpret_cast<const sockaddr*>(&target_), sizeof target_) < 0 &&
       errno != EINPROGRESS)) {
    close_session(*it, true);
    return;
  }
  // Added after connect(): before it, the set would report OUT|HUP at once.
  for (side* at : {&it->client, &it->backend}) {
    epoll_event interest{.events = every_edge, .data = {.ptr = at}};
    check(epoll_ctl(set_, EPOLL_CTL_ADD, at->fd, &interest), "epoll_ctl");
  }
}

void relay::on_edges(side& at, std::uint32_t edges) {
  session& it = *at.owner;
  if (it.closed) return;
  if ((edges & EPOLLIN) != 0) at.readable = true;
  if ((edges & EPOLLOUT) != 0) at.writable = true;
  if ((edges & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) at.ending = at.readable = true;
  if (!it.connected) {
    if (&at != &it.backend || (edges & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(at.fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error != 0) {
      close_session(it, true);
      return;
    }
    it.connected = true;
  } else if ((edges & EPOLLIN) != 0 && at.in_pipe != 0) {
    silence(at);  // an edge in vain: what it brought must wait for the sink
  }
  step(it);
}

void relay::step(session& it) {
  const outcome up = move(it.client, it.backend);
  const outcome down = up == outcome::failed ? outcome::failed : move(it.backend, it.client);
  if (up == outcome::failed || down == outcome::failed) {
    close_session(it, true);
  } else if (it.client.fin_sent && it.backend.fin_sent) {
    close_session(it, false);
  } else if ((up == outcome::again || down == outcome::again) && !it.queued) {
    it.queued = true;
    ready_.push_back(&it);
  }
}

outcome relay::move(side& source, side& sink) {
  for (int fills = 0;;) {
    while (source.in_pipe != 0) {
      if (!sink.writable) return outcome::blocked;
      // Exactly what is in the pipe: asking for more would cork the tail for 200 ms.
      const ssize_t moved =
          splice(source.pipe.out, nullptr, sink.fd, nullptr, source.in_pipe, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
      if (moved > 0) {
        source.in_pipe -= static_cast<std::size_t>(moved);
      } else if (moved < 0 && errno == EAGAIN) {
        sink.writable = false;
      } else if (moved == 0 || errno != EINTR) {
        return outcome::failed;
      }
    }
    if (source.pipe.out >= 0) give_back(source.pipe);
    if (source.at_end) {
      if (!source.fin_sent && shutdown(sink.fd, SHUT_WR) < 0) return outcome::failed;
      source.fin_sent = true;
      return outcome::blocked;
    }
    if (source.silenced) {
      epoll_event interest{.events = every_edge, .data = {.ptr = &source}};
      if (epoll_ctl(set_, EPOLL_CTL_MOD, source.fd, &interest) < 0) return outcome::failed;
      source.silenced = false;
    }
    if (!source.readable || !sink.writable) return outcome::blocked;
    if (fills++ == fills_a_turn) return outcome::again;
    if (!borrow(source.pipe)) return outcome::failed;
    const ssize_t filled =
        splice(source.fd, nullptr, source.pipe.in, nullptr, pipe_bytes, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (filled > 0) {
      source.in_pipe = static_cast<std::size_t>(filled);
      if (source.in_pipe < source.pipe.slots && !source.ending) source.readable = false;
    } else if (filled == 0) {
      source.at_end = true;
    } else if (errno == EAGAIN) {
      source.readable = false;
    } else if (errno != EINTR) {
      give_back(source.pipe);
      return outcome::failed;
    }
  }
}

void relay::silence(side& source) {
  if (source.silenced) return;
  epoll_event interest{.events = silent, .data = {.ptr = &source}};
  check(epoll_ctl(set_, EPOLL_CTL_MOD, source.fd, &interest), "epoll_ctl");
  source.silenced = true;
}

void relay::close_session(session& it, bool reset) {
  if (it.closed) return;
  it.closed = true;
  for (side* at : {&it.client, &it.backend}) {
    if (at->pipe.out >= 0) {  // a pipe with bytes in it never goes back
      close(at->pipe.out);
      close(at->pipe.in);
    }
    if (at->fd < 0) continue;
    const linger now{.l_onoff = 1, .l_linger = 0};
    if (reset) setsockopt(at->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(at->fd);
  }
  dead_.push_back(&it);
}

bool relay::borrow(pipe_pair& pipe) {
  if (!pool_.empty()) {
    pipe = pool_.back();
    pool_.pop_back();
    return true;
  }
  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) < 0) return false;
  const int asked = fcntl(ends[1], F_SETPIPE_SZ, pipe_bytes);
  const int granted = asked > 0 ? asked : fcntl(ends[1], F_GETPIPE_SZ);
  pipe = {.out = ends[0], .in = ends[1], .slots = static_cast<std::size_t>(granted / page_bytes)};
  return true;
}

void relay::give_back(pipe_pair& pipe) {
  if (pool_.size() < pooled_pipes) {
    pool_.push_back(pipe);
  } else {
    close(pipe.out);
    close(pipe.in);
  }
  pipe = {};
}

std::uint16_t port_of(const char* text) {
  const long port = std::strtol(text, nullptr, 10);
  if (port < 1 || port > 65535) {
    std::fprintf(stderr, "epoll_relay: not a port: %s\n", text);
    std::exit(2);
  }
  return static_cast<std::uint16_t>(port);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: epoll_relay TARGET_PORT LISTEN_PORT ...\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  relay made(port_of(argv[1]));
  for (int i = 2; i < argc; ++i) made.listen_on(port_of(argv[i]));
  made.run();
}
