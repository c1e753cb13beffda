#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <span>
#include <string>
#include <thread>

#include "faults/round_trips.hpp"

#include "support/catch.hpp"
#include "support/crowd.hpp"
#include "support/echo_server.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/network.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"

using namespace sluice;
using namespace sluice::support;
using namespace sluice::faults;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t per_second = 20'000;

std::uint16_t checksum(std::span<const std::uint8_t> bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return htons(static_cast<std::uint16_t>(~sum));
}

/// SYNs from addresses where nobody answers, at a steady rate, from its construction on.
class syn_flood {
 public:
  syn_flood(int network, std::uint32_t target, std::uint16_t port)
      : thread_([this, network, target, port] { send(network, target, port); }) {}
  syn_flood(const syn_flood&) = delete;
  syn_flood& operator=(const syn_flood&) = delete;
  ~syn_flood() { stop(); }
  std::size_t stop() {
    stopped_ = true;
    if (thread_.joinable()) thread_.join();
    return sent_;
  }
  std::size_t sent() const { return sent_; }

 private:
  void send(int network, std::uint32_t target, std::uint16_t port) {
    const visit_network there(network);
    const sys::unique_fd fd(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
    const auto begun = std::chrono::steady_clock::now();
    for (std::uint32_t n = 0; !stopped_; ++n) {
      send_one(fd.get(), n, target, port);
      if (n % 100 == 0) std::this_thread::sleep_until(begun + std::chrono::microseconds(n * 1'000'000ULL / per_second));
    }
  }

  void send_one(int fd, std::uint32_t n, std::uint32_t target, std::uint16_t port) {
    struct packet {
      iphdr ip;
      tcphdr tcp;
    } one{};
    one.ip.version = 4;
    one.ip.ihl = 5;
    one.ip.ttl = 64;
    one.ip.protocol = IPPROTO_TCP;
    one.ip.saddr = htonl(0x0a4d'0000U + (n * 7'919U & 0xffffU));  // 10.77.0.0/16
    one.ip.daddr = target;
    one.ip.tot_len = htons(sizeof one);
    one.tcp.source = htons(static_cast<std::uint16_t>(1'024 + n % 60'000));
    one.tcp.dest = htons(port);
    one.tcp.seq = htonl(n);
    one.tcp.doff = 5;
    one.tcp.syn = 1;
    one.tcp.window = htons(65'535);
    std::array<std::uint8_t, 12 + sizeof(tcphdr)> summed{};
    std::memcpy(summed.data(), &one.ip.saddr, 8);
    summed[9] = IPPROTO_TCP;
    summed[11] = sizeof(tcphdr);
    std::memcpy(summed.data() + 12, &one.tcp, sizeof one.tcp);
    one.tcp.check = checksum(summed);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = target;
    if (::sendto(fd, &one, sizeof one, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) == sizeof one) ++sent_;
  }

  std::atomic<bool> stopped_{false};
  std::atomic<std::size_t> sent_{0};
  std::thread thread_;
};

}  // namespace

// FAULTS.md H4.
TEST_CASE("faults: under a SYN flood sessions go on and clients come in", "[faults][H4]") {
  if (!may_make_networks()) return;
  const fd_baseline descriptors;
  const own_network attackers;
  const own_network here;
  run_ip("link add inner type veth peer name outer");
  run_ip("link set outer netns /proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(attackers.fd()));
  run_ip("addr add 10.5.0.1/24 dev inner");
  run_ip("link set inner up");
  run_ip("route add 10.77.0.0/16 via 10.5.0.2");
  {
    const visit_network there(attackers.fd());
    run_ip("addr add 10.5.0.2/24 dev outer");
    run_ip("link set outer up");
  }
  const echo_server backend;
  sluice_process sluice(
      {.toml = "[service.s]\nlisten = '10.5.0.1:8080'\nbackends = '" + backend.address() + "'\nbacklog = 512\n"});
  const sys::socket_address front = parse_address("10.5.0.1:8080");
  const visit_network there(attackers.fd());
  crowd established(front, 1);
  const auto before = round_trip_p99(established);
  syn_flood flood(attackers.fd(), htonl(0x0a05'0001U), 8'080);
  // Once the backlog is full the kernel answers with cookies.
  REQUIRE(wait_until([&] { return flood.sent() > 4'000; }));
  // A tenth of a few dozen microseconds is less than this machine keeps by itself.
  const auto allowed = before + before / 10 + milliseconds(slowness);
  const auto meanwhile = round_trip_p99(established, allowed);
  int connected = 0;
  for (int i = 0; i < 500; ++i) {
    try {
      const sys::unique_fd client = connect_to(front, io_mode::non_blocking, milliseconds(3'000));
      send_all(client.get(), "x");
      if (receive_text(client.get(), 1) == "x") ++connected;
    } catch (const std::exception&) {
    }
  }
  const std::size_t sent = flood.stop();
  CHECK(connected > 495);
  CHECK(meanwhile <= allowed);
  {
    const visit_network inside(here.fd());
    CHECK(network_counter("TcpExt", "SyncookiesSent") + network_counter("TcpExt", "TCPReqQFullDoCookies") > 0);
  }
  figure("H4", std::to_string(connected) + " of 500 connects among " + std::to_string(sent) +
                   " SYNs; p99 of a session " + std::to_string(before.count()) + " -> " +
                   std::to_string(meanwhile.count()) + " us");
  established.leave(1);
  sluice.wait_at_rest(slowness * patience);
  sluice.check_clean_end();
}

TEST_CASE("faults: a backlog that the kernel caps is told of at start", "[faults][H4]") {
  if (!may_make_networks()) return;
  const own_network network;
  set_sysctl("net/core/somaxconn", "100");
  const echo_server backend;
  const std::string backlog = GENERATE("101", "100");
  sluice_process sluice({.toml = "[service.s]\nlisten = '" + free_address() + "'\nbackends = '" + backend.address() +
                                 "'\nbacklog = " + backlog + "\n"});
  sluice.check_clean_end();
  CHECK((sluice.output().find("net.core.somaxconn") != std::string::npos) == (backlog == "101"));
}
