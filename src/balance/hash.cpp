#include "balance/hash.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>

namespace sluice::balance {
namespace {

constexpr std::uint64_t prime1 = 0x9E3779B185EBCA87;
constexpr std::uint64_t prime2 = 0xC2B2AE3D27D4EB4F;
constexpr std::uint64_t prime3 = 0x165667B19E3779F9;
constexpr std::uint64_t prime4 = 0x85EBCA77C2B2AE63;
constexpr std::uint64_t prime5 = 0x27D4EB2F165667C5;

/// Takes little-endian words from the front of the bytes that are left.
class word_reader {
 public:
  explicit word_reader(std::span<const std::uint8_t> bytes) noexcept : left_(bytes) {}
  std::size_t left() const noexcept { return left_.size(); }

  std::uint64_t take(std::size_t n) noexcept {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < n; ++i) word |= static_cast<std::uint64_t>(left_[i]) << (8 * i);
    left_ = left_.subspan(n);
    return word;
  }

 private:
  std::span<const std::uint8_t> left_;
};

std::uint64_t round_of(std::uint64_t lane, std::uint64_t input) noexcept {
  return std::rotl(lane + input * prime2, 31) * prime1;
}

std::uint64_t merged(std::uint64_t hash, std::uint64_t lane) noexcept {
  return (hash ^ round_of(0, lane)) * prime1 + prime4;
}

/// What 32 bytes at a time come to.
std::uint64_t hash_stripes(word_reader& input, std::uint64_t seed) noexcept {
  std::array<std::uint64_t, 4> lanes{seed + prime1 + prime2, seed + prime2, seed, seed - prime1};
  while (input.left() >= 32)
    for (std::uint64_t& lane : lanes) lane = round_of(lane, input.take(8));
  std::uint64_t hash =
      std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) + std::rotl(lanes[3], 18);
  for (const std::uint64_t lane : lanes) hash = merged(hash, lane);
  return hash;
}

}  // namespace

std::uint64_t hash_of(std::span<const std::uint8_t> bytes, std::uint64_t seed) noexcept {
  word_reader input(bytes);
  std::uint64_t hash = input.left() >= 32 ? hash_stripes(input, seed) : seed + prime5;
  hash += bytes.size();
  while (input.left() >= 8) hash = std::rotl(hash ^ round_of(0, input.take(8)), 27) * prime1 + prime4;
  if (input.left() >= 4) hash = std::rotl(hash ^ (input.take(4) * prime1), 23) * prime2 + prime3;
  while (input.left() > 0) hash = std::rotl(hash ^ (input.take(1) * prime5), 11) * prime1;
  hash = (hash ^ (hash >> 33U)) * prime2;
  hash = (hash ^ (hash >> 29U)) * prime3;
  return hash ^ (hash >> 32U);
}

std::uint64_t hash_of(std::string_view text, std::uint64_t seed) noexcept {
  return hash_of({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, seed);
}

std::uint64_t address_key(std::span<const std::uint8_t> address, std::uint32_t prefix_bits) noexcept {
  std::array<std::uint8_t, 16> kept{};
  const std::size_t size = std::min(address.size(), kept.size());
  for (std::size_t i = 0; i < size && 8 * i < prefix_bits; ++i) {
    const std::size_t bits = std::min<std::size_t>(prefix_bits - 8 * i, 8);
    kept[i] = static_cast<std::uint8_t>(address[i] & (0xFF00U >> bits));
  }
  return hash_of({kept.data(), size});
}

}  // namespace sluice::balance
