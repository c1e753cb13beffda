#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/byte_stream.hpp"
#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/free_ports.hpp"
#include "support/loopback.hpp"
#include "support/nginx.hpp"
#include "support/peer_server.hpp"
#include "support/process.hpp"
#include "support/sluice_process.hpp"
#include "support/temporary_directory.hpp"

using namespace sluice::support;
using std::chrono::seconds;

namespace {

/// Waits until somebody answers at the address.
bool answers(const std::string& address) {
  return wait_until([&] {
    try {
      connect_to(parse_address(address));
      return true;
    } catch (const std::exception&) {
      return false;
    }
  });
}

run_result run_well(const std::vector<std::string>& argv) {
  run_result result = run({.argv = argv}, slowness * seconds(60));
  INFO(argv[0] << " said:\n" << result.output);
  REQUIRE(result.code == 0);
  return result;
}

std::string sha256(const std::string& path) { return run_well({"sha256sum", path}).output.substr(0, 64); }

}  // namespace

TEST_CASE("e2e: iperf3 runs through it, with one stream and with eight, both ways", "[e2e][programs]") {
  const fd_baseline descriptors;
  const std::string iperf3 = require_program("iperf3", "iperf3");
  const std::uint16_t back_port = free_ports();
  const std::uint16_t front_port = free_ports();
  process server({.argv = {iperf3, "-s", "-B", "127.0.0.1", "-p", std::to_string(back_port), "--forceflush"}});
  REQUIRE(server.wait_output("Server listening"));
  sluice_process sluice(
      {.arguments = {"127.0.0.1:" + std::to_string(front_port) + "=127.0.0.1:" + std::to_string(back_port)}});
  const std::string streams = GENERATE("1", "8");
  const bool reverse = GENERATE(false, true);
  std::vector<std::string> argv{iperf3, "-c", "127.0.0.1", "-p", std::to_string(front_port), "-t", "1", "-P", streams};
  if (reverse) argv.emplace_back("-R");
  run_well(argv);
  // One session is iperf3's own control connection.
  for (const auto& record : sluice.wait_sessions(1 + std::stoul(streams))) CHECK(record.path != "copied");
  server.signal(SIGTERM);
  CHECK(server.wait_exit().has_value());
  sluice.check_clean_end();
}

TEST_CASE("e2e: curl fetches a large file from nginx through it unchanged", "[e2e][programs]") {
  const fd_baseline descriptors;
  const std::string curl = require_program("curl", "curl");
  const temporary_directory files;
  nginx_server server("n", free_address());
  {
    std::ofstream large(server.root() / "large", std::ios::binary);
    std::vector<std::byte> piece(1024 * 1024);
    for (std::uint64_t i = 0; i < 256 / slowness; ++i) {
      byte_stream(3).fill(i * piece.size(), piece);
      large.write(reinterpret_cast<const char*>(piece.data()), static_cast<std::streamsize>(piece.size()));
    }
  }
  server.start();
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + server.address()}});
  run_well({curl, "-sS", "--fail", "-o", files / "got", "http://" + front + "/large"});
  CHECK(sha256(files / "got") == sha256(server.root() / "large"));
  server.stop_in_order();
  sluice.check_clean_end();
}

TEST_CASE("e2e: a Redis server behind it answers its own client and its benchmark", "[e2e][programs]") {
  const fd_baseline descriptors;
  const std::string redis = require_program("redis-server", "redis-server");
  const std::string cli = require_program("redis-cli", "redis-tools");
  const std::string benchmark = require_program("redis-benchmark", "redis-tools");
  const temporary_directory files;
  const std::string back_port = std::to_string(free_ports());
  const std::string front_port = std::to_string(free_ports());
  process server({.argv = {redis, "--bind", "127.0.0.1", "--port", back_port, "--save", "", "--appendonly", "no",
                           "--dir", files.path().string()}});
  REQUIRE(answers("127.0.0.1:" + back_port));
  sluice_process sluice({.arguments = {"127.0.0.1:" + front_port + "=127.0.0.1:" + back_port}});
  const auto ask = [&](const std::string& verb, const std::vector<std::string>& rest) {
    std::vector<std::string> argv{cli, "-p", front_port, verb};
    argv.insert(argv.end(), rest.begin(), rest.end());
    return run_well(argv).output;
  };
  const std::string value(1'000, 'v');
  CHECK(ask("SET", {"key", value}) == "OK\n");
  CHECK(ask("GET", {"key"}) == value + '\n');
  const std::string said =
      run_well({benchmark, "-p", front_port, "-n", "20000", "-c", "50", "-t", "set,get,lrange_100", "-q"}).output;
  CHECK(said.find("GET:") != std::string::npos);
  server.signal(SIGTERM);
  CHECK(server.wait_exit().has_value());
  sluice.check_clean_end();
}
