#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "support/call_counter.hpp"
#include "support/catch.hpp"
#include "support/crowd.hpp"
#include "support/echo_server.hpp"
#include "support/fd_count.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"
#include "support/temporary_directory.hpp"
#include "sys/socket.hpp"

using namespace sluice;
using namespace sluice::support;

namespace {

constexpr int bad_config = 78;

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string ask(const sys::socket_address& front, const std::string& question) {
  const sys::unique_fd client = connect_to(front);
  send_all(client.get(), question);
  ::shutdown(client.get(), SHUT_WR);
  const auto answer = receive_until_eof(client.get());
  return {reinterpret_cast<const char*>(answer.data()), answer.size()};
}

/// Sends back what it is asked, behind its own name.
peer_server named_backend(const std::string& name) {
  return peer_server(listen_tcp(), [name](sys::unique_fd connection) {
    send_all(connection.get(), name + ':');
    echo(connection.get());
  });
}

listening_socket listen_path(const std::string& path) {
  listening_socket made;
  made.address = *sys::socket_address::from_unix_path(path);
  made.fd = sys::make_socket(AF_UNIX).fd;
  REQUIRE(sys::bind(made.fd.get(), made.address) == 0);
  REQUIRE(sys::listen(made.fd.get(), 16) == 0);
  return made;
}

std::string backend_line(const peer_server& backend) { return "backends = '" + backend.address() + "'\n"; }

}  // namespace

// FAULTS.md C12: by name, then by address; what is left over is closed with a warning.
TEST_CASE("e2e: activated descriptors go to listeners by name, then by address; the rest is closed", "[e2e][C12]") {
  const fd_baseline descriptors;
  const temporary_directory files;
  const peer_server named = named_backend("named");
  const peer_server plain = named_backend("plain");
  listening_socket first = listen_tcp();
  listening_socket second = listen_tcp(AF_INET6);
  const listening_socket by_address = listen_tcp();
  const listening_socket path = listen_path(files / "front.sock");
  const listening_socket extra = listen_tcp();
  sluice_process sluice(
      {.toml = "[service.n]\nlisten = 'fd:web'\n" + backend_line(named) + "[service.p]\nlisten = ['" +
               to_string(by_address.address) + "', '" + to_string(path.address) + "']\n" + backend_line(plain),
       .passed = activation{{path.fd.get(), first.fd.get(), extra.fd.get(), by_address.fd.get(), second.fd.get()},
                            "unknown:web:admin:unknown:web"}});
  CHECK(ask(first.address, "x") == "named:x");
  CHECK(ask(second.address, "x") == "named:x");
  CHECK(ask(by_address.address, "x") == "plain:x");
  CHECK(ask(path.address, "x") == "plain:x");
  CHECK(sluice.program().wait_output("belongs to no listener: fd 5, `admin`, " + to_string(extra.address)));
  CHECK(sluice.wait_sessions(4).size() == 4);
  sluice.check_clean_end();
  struct stat seen {};
  CHECK(::stat((files / "front.sock").c_str(), &seen) == 0);
  named.check();
  plain.check();
}

TEST_CASE("e2e: a listener that names a descriptor which is not there ends with 78 and says what is", "[e2e][C12]") {
  const fd_baseline descriptors;
  const listening_socket one = listen_tcp();
  const socket_pair connection = tcp_pair();
  const sys::unique_fd datagram(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sys::unique_fd idle(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sys::unique_fd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  struct wrong {
    activation passed;
    std::string said;
  };
  const std::vector<wrong> all{
      {{{}}, "no descriptor was passed; write FileDescriptorName=web"},
      {{{one.fd.get()}, "http"}, "no descriptor of that name was passed, only `http`"},
      {{{one.fd.get()}}, "only `unknown`"},
      {{{one.fd.get()}, "web", std::nullopt, "1"}, "LISTEN_FDS is meant for process 1, this is"},
      {{{one.fd.get()}, "web", std::nullopt, "soon"}, "LISTEN_PID=soon is no process"},
      {{{one.fd.get()}, "web", "many"}, "LISTEN_FDS=many is no number of descriptors"},
      {{{one.fd.get()}, "web", "-1"}, "LISTEN_FDS=-1 is no number of descriptors"},
      {{{one.fd.get()}, "http:web", "2"}, "only `http`"},
      {{{datagram.get()}, "web"}, "is no stream socket"},
      {{{connection.second.get()}, "web"}, "Accept=no"},
      {{{idle.get()}, "web"}, "does not listen"},
      {{{file.get()}, "web"}, "fd 3, `web` is no socket"},
  };
  for (const wrong& tried : all) {
    const run_result ended =
        run_sluice({.toml = "[service.n]\nlisten = 'fd:web'\nbackends = '127.0.0.1:9'\n", .passed = tried.passed});
    INFO("it should have said: " << tried.said << "\nit said:\n" << ended.output);
    CHECK(ended.code == bad_config);
    CHECK(has(ended.output, "cannot listen on fd:web"));
    CHECK(has(ended.output, "sluice.toml:2:10"));
    CHECK(has(ended.output, tried.said));
  }
}

TEST_CASE("e2e: what is passed and of no use is closed with a warning, and does not stop the program", "[e2e][C12]") {
  const fd_baseline descriptors;
  const peer_server backend = named_backend("b");
  const sys::unique_fd datagram(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sys::unique_fd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const std::string front = free_address();
  sluice_process sluice(
      {.arguments = {front + '=' + backend.address()}, .passed = activation{{datagram.get(), file.get()}, "a:b", "3"}});
  CHECK(sluice.program().wait_output("is no stream socket"));
  CHECK(sluice.program().wait_output("is no socket: fd 4, `b`; it is closed"));
  CHECK(sluice.program().wait_output("LISTEN_FDS=3, but fd 5 is not open"));
  CHECK(ask(parse_address(front), "x") == "b:x");
  sluice.wait_sessions(1);
  sluice.check_clean_end();
}

// FAULTS.md C9, without systemd: whoever holds the socket keeps the queue.
TEST_CASE("e2e: with an activated listener nobody is refused while the program is killed and started anew",
          "[e2e][C9]") {
  const fd_baseline descriptors;
  const temporary_directory files;
  const peer_server backend = named_backend("b");
  const std::string kind = GENERATE(as<std::string>(), "tcp", "path");
  const listening_socket front = kind == "tcp" ? listen_tcp() : listen_path(files / "front.sock");
  const sluice_launch how{.toml = "[service.n]\nlisten = 'fd:web'\n" + backend_line(backend),
                          .passed = activation{{front.fd.get()}, "web"}};
  for (std::size_t round = 0; round < scaled(10); ++round) {
    {
      sluice_process killed(how);
      CHECK(ask(front.address, "x") == "b:x");
      killed.signal(SIGKILL);
      REQUIRE(killed.program().wait_exit() == 128 + SIGKILL);
    }
    const sys::unique_fd waiting = connect_to(front.address);
    send_all(waiting.get(), "hello");
    ::shutdown(waiting.get(), SHUT_WR);
    sluice_process next(how);
    CHECK(receive_text(waiting.get(), 7) == "b:hello");
    CHECK(next.stop() == 0);
  }
}

TEST_CASE("e2e: the worker that owns an activated listener wakes one other for a client, once", "[e2e]") {
  constexpr std::size_t clients = 200;
  const fd_baseline descriptors;
  const echo_server backend;
  const listening_socket front = listen_tcp(AF_INET, 1024);
  sluice_process sluice({.arguments = {"fd:web=" + backend.address(), "--workers", "4"},
                         .environment = {"SLUICE_LOG_ACCESS=false"},
                         .passed = activation{{front.fd.get()}, "web"}});
  {
    call_counter counter(sluice.pid());
    crowd everyone(front.address, clients);
    everyone.exchange(64);
    const auto calls = counter.read();
    const auto count = [&](const char* name) { return calls.contains(name) ? calls.at(name) : 0; };
    CAPTURE(count("accept4"), count("write"));
    // Nobody but the owner asks for clients: one call takes a client, another says that no more wait.
    CHECK(count("accept4") <= 2 * clients + 8);
    // Three in four go to another worker, by one message each, or fewer where that is still on its way to wake up. Idle
    // workers are asked for a sign of life besides.
    CHECK(count("write") >= 3);
    CHECK(count("write") <= clients + 20);
  }
  sluice.check_clean_end();
}

TEST_CASE("e2e: systemd-socket-activate passes TCP and unix sockets by name and by address", "[e2e][C12]") {
  const temporary_directory files;
  const peer_server backend = named_backend("b");
  const std::string tcp = free_address();
  const std::string path = files / "front.sock";
  const std::string names = GENERATE(as<std::string>(), "yes", "no");
  const std::string config =
      names == "yes" ? "[service.n]\nlisten = ['fd:web', 'fd:local']\n" + backend_line(backend)
                     : "[service.n]\nlisten = ['" + tcp + "', 'unix:" + path + "']\n" + backend_line(backend);
  launch how{.argv = {require_program("systemd-socket-activate", "systemd"), "-l", tcp, "-l", path}};
  if (names == "yes") how.argv.push_back("--fdname=web:local");
  how.argv.insert(how.argv.end(), {sluice_program(), "-c", files.write("sluice.toml", config)});
  process started(how);
  REQUIRE(started.wait_output("Listening on " + path));
  // The first client starts the program.
  CHECK(ask(parse_address(tcp), "x") == "b:x");
  CHECK(ask(*sys::socket_address::from_unix_path(path), "x") == "b:x");
  CHECK_FALSE(has(started.output(), "belongs to no listener"));
  started.signal(SIGTERM);
  CHECK(started.wait_exit() == 0);
  struct stat seen {};
  CHECK(::stat(path.c_str(), &seen) == 0);
  backend.check();
}
