// LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES, as a service manager or anybody else may have set them: three texts, each
// ended by a NUL.
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "demand.hpp"

#include "sys/activation.hpp"

using sluice::fuzz::demand;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::array<std::optional<std::string>, 3> set;
  for (auto& one : set) {
    if (rest.empty()) break;  // not set
    const auto end = std::min(rest.find('\0'), rest.size());
    one = std::string(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const auto announced = sluice::sys::read_listen_variables({set[0], set[1], set[2]}, 1);
  demand(announced.names.empty() || announced.trouble.empty(), "what is announced is not in doubt");
  demand(announced.names.size() < 1U << 20, "a number that no process could have been passed is no announcement");
  for (const std::string& name : announced.names) demand(!name.empty(), "a descriptor has a name");
  return 0;
}
