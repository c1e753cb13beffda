#include "connect/srv_answer.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <set>
#include <utility>

namespace sluice::connect {
namespace {

constexpr std::size_t header_bytes = 12;
constexpr std::size_t longest_name = 253;
enum type : std::uint16_t { type_a = 1, type_cname = 5, type_aaaa = 28, type_srv = 33 };
constexpr std::uint16_t class_internet = 1;

/// A place in a message. Whatever runs over its end makes it bad, and all that is read from then on is 0 or empty.
class reader {
 public:
  reader(std::span<const unsigned char> message, std::size_t at) : message_(message), at_(at) {}

  bool is_bad() const noexcept { return bad_; }
  std::size_t at() const noexcept { return at_; }

  std::uint16_t u16() noexcept {
    if (!has(2)) return 0;
    const auto value = static_cast<std::uint16_t>(message_[at_] << 8U | message_[at_ + 1]);
    at_ += 2;
    return value;
  }
  std::uint32_t u32() noexcept {
    const std::uint32_t high = u16();
    return high << 16U | u16();
  }
  std::span<const unsigned char> bytes(std::size_t n) noexcept {
    if (!has(n)) return {};
    at_ += n;
    return message_.subspan(at_ - n, n);
  }

  /// A name in dotted form, lower case. A pointer leads only backwards, so that none goes round.
  std::string name() {
    std::string text;
    std::size_t at = at_;
    std::size_t barrier = at_;
    bool followed = false;
    while (!bad_) {
      if (at >= message_.size()) break;
      const std::size_t length = message_[at];
      if (length >= 0xC0) {
        if (at + 1 >= message_.size()) break;
        const std::size_t target = (length & 0x3FU) << 8U | message_[at + 1];
        if (!std::exchange(followed, true)) at_ = at + 2;
        if (target >= barrier) break;
        at = barrier = target;
        continue;
      }
      if (length > 63 || at + 1 + length > message_.size()) break;
      if (length == 0) {
        if (!followed) at_ = at + 1;
        return text;
      }
      if (!text.empty()) text += '.';
      for (std::size_t i = 1; i <= length; ++i) text += lower(message_[at + i]);
      if (text.size() > longest_name) break;
      at += 1 + length;
    }
    bad_ = true;
    return {};
  }

 private:
  bool has(std::size_t n) noexcept {
    if (bad_ || message_.size() - at_ < n) bad_ = true;
    return !bad_;
  }
  static char lower(unsigned char c) noexcept { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); }

  std::span<const unsigned char> message_;
  std::size_t at_;
  bool bad_ = false;
};

/// What stands in logs and is asked for again: letters, digits, '-', '_' and single dots.
bool is_host(const std::string& name) noexcept {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !name.empty() && name.front() != '.' && name.back() != '.' && name.find("..") == std::string::npos &&
         std::all_of(name.begin(), name.end(), fits);
}

sys::socket_address address_from(std::span<const unsigned char> data) noexcept {
  if (data.size() == sizeof(in_addr)) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, data.data(), data.size());
    return sys::socket_address::from_raw(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  std::memcpy(&v6.sin6_addr, data.data(), data.size());
  return sys::socket_address::from_raw(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
}

struct resource {
  std::string owner;
  std::uint16_t type = 0;
  std::uint16_t kind = 0;
  std::uint32_t ttl = 0;
  std::size_t begin = 0;  ///< of its data, which may point into the message before it
  std::span<const unsigned char> data;
};

resource read_resource(reader& from) {
  resource one;
  one.owner = from.name();
  one.type = from.u16();
  one.kind = from.u16();
  one.ttl = from.u32();
  if (one.ttl > INT32_MAX) one.ttl = 0;  // RFC 2181, 8
  const std::uint16_t length = from.u16();
  one.begin = from.at();
  one.data = from.bytes(length);
  return one;
}

}  // namespace

std::optional<srv_answer> parse_srv_answer(std::span<const unsigned char> message) {
  if (message.size() < header_bytes) return std::nullopt;
  reader from(message, 4);
  const std::uint16_t questions = from.u16();
  const std::uint16_t answers = from.u16();
  const std::uint16_t authorities = from.u16();
  const std::uint16_t additionals = from.u16();
  for (unsigned i = 0; i < questions && !from.is_bad(); ++i) {
    from.name();
    from.u32();
  }
  srv_answer result;
  std::uint32_t ttl = INT32_MAX;
  for (unsigned i = 0; i < answers && !from.is_bad(); ++i) {
    const resource one = read_resource(from);
    if (from.is_bad() || one.kind != class_internet) continue;
    if (one.type == type_srv) {
      reader data(message, one.begin);
      srv_answer::record record;
      record.priority = data.u16();
      record.weight = data.u16();
      record.port = data.u16();
      record.host = data.name();
      if (data.is_bad() || data.at() > one.begin + one.data.size()) return std::nullopt;
      if (record.port != 0 && is_host(record.host)) result.targets.push_back(std::move(record));
    }
    if (one.type == type_srv || one.type == type_cname) ttl = std::min(ttl, one.ttl);
  }
  for (unsigned i = 0; i < authorities && !from.is_bad(); ++i) read_resource(from);
  std::set<std::string> hosts;
  for (const srv_answer::record& record : result.targets) hosts.insert(record.host);
  for (unsigned i = 0; i < additionals && !from.is_bad(); ++i) {
    const resource one = read_resource(from);
    const bool fits = (one.type == type_a && one.data.size() == sizeof(in_addr)) ||
                      (one.type == type_aaaa && one.data.size() == sizeof(in6_addr));
    if (from.is_bad() || one.kind != class_internet || !fits || !hosts.contains(one.owner)) continue;
    result.addresses[one.owner].push_back(address_from(one.data));
    ttl = std::min(ttl, one.ttl);
  }
  if (from.is_bad()) return std::nullopt;
  result.ttl = std::chrono::seconds(result.targets.empty() ? 0 : ttl);
  return result;
}

}  // namespace sluice::connect
