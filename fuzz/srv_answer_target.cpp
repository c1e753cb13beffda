// A DNS message with SRV records.
#include <algorithm>
#include <cstdint>
#include <optional>

#include "demand.hpp"

#include "connect/srv_answer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sluice::connect::srv_answer;
  using sluice::fuzz::demand;
  const std::optional<srv_answer> answer = sluice::connect::parse_srv_answer({data, size});
  if (!answer) return 0;
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  for (const srv_answer::record& one : answer->targets) {
    demand(one.port != 0, "a target has a port");
    demand(!one.host.empty() && one.host.size() <= 253, "a target has a name that DNS can have");
    demand(std::all_of(one.host.begin(), one.host.end(), is_plain), "a target's name is fit for a log");
  }
  for (const auto& [host, addresses] : answer->addresses) {
    demand(!addresses.empty(), "a host that came along has an address");
    demand(std::any_of(answer->targets.begin(), answer->targets.end(),
                       [&name = host](const auto& one) { return one.host == name; }),
           "only hosts of targets come along");
  }
  demand(answer->ttl.count() >= 0 && answer->ttl.count() <= INT32_MAX, "a TTL has 31 bits");
  return 0;
}
