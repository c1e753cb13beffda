// Where the kernel does not splice, bytes are copied, and the result says so and why.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "sluice/relay.hpp"

#include "library/relay_ends.hpp"
#include "support/catch.hpp"
#include "support/fd_count.hpp"
#include "support/stream_peer.hpp"

namespace sluice::zero_copy::testing {

using sluice::fallback_reason;

namespace {

constexpr std::uint64_t mib = 1024 * 1024;

/// From now on splice(2) says `error` in this thread, as in a sandbox (seccomp(2)). For a thread's whole life.
void refuse_splice(int error) {
  const std::array filter{
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_splice, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error)),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{filter.size(), const_cast<sock_filter*>(filter.data())};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    throw std::system_error(errno, std::generic_category(), "seccomp");
}

/// 2 MiB each way through whatever relay(client, backend) does in a thread of its own.
template <typename Relay>
relay_result exchange_by(const combination& pair, Relay relay) {
  const relay_ends ends(pair.client, pair.backend);
  auto running =
      std::async(std::launch::async, [&] { return relay(ends.relayed_client.get(), ends.relayed_backend.get()); });
  std::vector<std::future<void>> senders;
  std::vector<std::future<support::stream_received>> receivers;
  for (const one_way& way : both_ways(ends)) {
    senders.push_back(std::async(std::launch::async, [=] {
      support::send_stream(way.from, way.seed, 2 * mib);
      ::shutdown(way.from, SHUT_WR);
    }));
    receivers.push_back(std::async(std::launch::async, [=] { return support::receive_stream(way.at, way.seed); }));
  }
  for (auto& one : senders) one.get();
  for (auto& one : receivers) {
    const support::stream_received got = one.get();
    CHECK(got.bytes == 2 * mib);
    CHECK(got.end == support::stream_end::eof);
  }
  const relay_result result = running.get();
  CHECK(result.outcome == relay_outcome::ended);
  CHECK(result.client_to_backend.delivered == 2 * mib);
  CHECK(result.backend_to_client.delivered == 2 * mib);
  CHECK(result.client_to_backend.copied == 2 * mib);
  CHECK(result.backend_to_client.copied == 2 * mib);
  return result;
}

}  // namespace

TEST_CASE("library fallback: a kernel that refuses splice is named, once a direction, and every byte comes",
          "[library][relay]") {
  for (const combination& pair : combinations()) {
    for (const auto& [error, reason] :
         {std::pair{EINVAL, fallback_reason::invalid}, std::pair{ENOSYS, fallback_reason::not_supported},
          std::pair{EPERM, fallback_reason::not_permitted}}) {
      CAPTURE(pair.name, error);
      const support::fd_baseline descriptors;
      const relay_result result = exchange_by(pair, [error = error](int client, int backend) {
        refuse_splice(error);
        return relay_until_end(client, backend);
      });
      CHECK(result.fallbacks_for(reason) == 2);
    }
  }
}

TEST_CASE("library fallback: without pipes bytes are copied too", "[library][relay]") {
  for (const combination& pair : combinations()) {
    CAPTURE(pair.name);
    const support::fd_baseline descriptors;
    const relay_result result = exchange_by(pair, [](int client, int backend) {
      pipe_pool without({0, 1, 0});
      return relay(without, client, backend).run();
    });
    CHECK(result.fallbacks_for(fallback_reason::no_pipe) > 0);
  }
}

TEST_CASE("library fallback: copying can be asked for, and is then none", "[library][relay]") {
  const support::fd_baseline descriptors;
  relay_options options;
  options.copies = true;
  const relay_result result = exchange_by(
      combinations().front(), [&](int client, int backend) { return relay_until_end(client, backend, options); });
  for (const std::uint64_t n : result.fallbacks) CHECK(n == 0);
}

}  // namespace sluice::zero_copy::testing
