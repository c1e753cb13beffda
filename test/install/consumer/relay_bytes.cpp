// A program of somebody else's: relays a MiB between two unix socket pairs, and looks at every byte.
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <thread>
#include <vector>

#include <sluice/relay.hpp>
#include <sluice/splice.hpp>

namespace zc = sluice::zero_copy;

int main() {
  int client[2];
  int backend[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, client) != 0 ||
      ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, backend) != 0)
    return 1;
  std::vector<unsigned char> sent(1024 * 1024);
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<unsigned char>(i * 7 + i / 251);
  std::vector<unsigned char> got;

  std::thread sender([&] {
    for (std::size_t done = 0; done < sent.size();) {
      const ssize_t n = ::send(client[0], sent.data() + done, sent.size() - done, MSG_NOSIGNAL);
      if (n <= 0) break;
      done += static_cast<std::size_t>(n);
    }
    ::shutdown(client[0], SHUT_WR);
  });
  std::thread receiver([&] {
    unsigned char piece[64 * 1024];
    for (ssize_t n; (n = ::recv(backend[1], piece, sizeof piece, 0)) > 0;) got.insert(got.end(), piece, piece + n);
    ::shutdown(backend[1], SHUT_WR);
  });
  const zc::relay_result result = zc::relay_until_end(client[1], backend[0]);
  sender.join();
  receiver.join();
  std::printf("%s, spliced %llu of %llu\n", std::string(sluice::to_string(result.reason)).c_str(),
              static_cast<unsigned long long>(result.client_to_backend.received - result.client_to_backend.copied),
              static_cast<unsigned long long>(result.client_to_backend.delivered));
  return got == sent && result.client_to_backend.delivered == sent.size() && result.client_to_backend.copied == 0 ? 0
                                                                                                                  : 1;
}
