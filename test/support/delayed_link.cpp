#include "support/delayed_link.hpp"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <system_error>
#include <utility>
#include <vector>

#include "support/network.hpp"
#include "sys/poll.hpp"

namespace sluice::support {
namespace {

using clock = std::chrono::steady_clock;

constexpr const char* name = "delayed";
constexpr std::size_t source_at = 12;  // in the header of an IPv4 packet
constexpr std::size_t target_at = 16;
constexpr std::size_t address_bytes = 4;

struct packet {
  clock::time_point due;
  std::vector<std::uint8_t> bytes;
};

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

delayed_link::delayed_link(std::chrono::milliseconds one_way)
    : one_way_(one_way),
      device_(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK)),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!device_) fail("/dev/net/tun");
  ifreq asked{};
  asked.ifr_flags = IFF_TUN | IFF_NO_PI;
  std::strncpy(asked.ifr_name, name, sizeof asked.ifr_name - 1);
  if (::ioctl(device_.get(), TUNSETIFF, &asked) != 0) fail("TUNSETIFF");
  run_ip("address add " + near_host() + "/24 dev " + name);
  run_ip(std::string("link set ") + name + " up");
  thread_ = std::thread([this] { serve(); });
}

delayed_link::~delayed_link() {
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

void delayed_link::serve() {
  std::deque<packet> on_the_way;
  std::array<std::uint8_t, 65'536> buffer{};
  while (true) {
    const auto wait = on_the_way.empty() ? std::chrono::nanoseconds(-1)
                                         : std::max(on_the_way.front().due - clock::now(), clock::duration(0));
    std::array<pollfd, 2> told{{{device_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    sys::poll(told, wait.count());
    if (told[1].revents != 0) return;
    for (ssize_t n; (n = ::read(device_.get(), buffer.data(), buffer.size())) > 0;) {
      if (n < 20 || buffer[0] >> 4U != 4) continue;  // IPv6 asks for neighbours
      std::swap_ranges(buffer.begin() + source_at, buffer.begin() + source_at + address_bytes,
                       buffer.begin() + target_at);
      on_the_way.push_back({clock::now() + one_way_, {buffer.begin(), buffer.begin() + n}});
    }
    while (!on_the_way.empty() && on_the_way.front().due <= clock::now()) {
      const std::vector<std::uint8_t>& bytes = on_the_way.front().bytes;
      // What the device does not take is lost, as on any link.
      if (::write(device_.get(), bytes.data(), bytes.size()) < 0) std::perror(name);
      on_the_way.pop_front();
    }
  }
}

}  // namespace sluice::support
