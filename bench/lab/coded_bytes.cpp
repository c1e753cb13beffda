#include "coded_bytes.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluice::bench::lab {
namespace {

constexpr std::size_t period = 1'048'583;  // a prime, a little more than the largest piece

std::vector<std::byte> make_memory() {
  std::vector<std::byte> made(period + largest_piece);
  std::uint32_t state = 2463534242;
  for (std::size_t i = 0; i < period; ++i) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    made[i] = static_cast<std::byte>(state & 0xff);
  }
  std::copy_n(made.begin(), largest_piece, made.begin() + period);
  return made;
}

}  // namespace

std::span<const std::byte> coded(std::uint64_t position, std::size_t bytes) {
  static const std::vector<std::byte> memory = make_memory();
  return std::span(memory).subspan(position % period, std::min(bytes, largest_piece));
}

void verify_coded(std::span<const std::byte> found, std::uint64_t position) {
  while (!found.empty()) {
    const auto expected = coded(position, found.size());
    if (std::memcmp(found.data(), expected.data(), expected.size()) != 0) {
      throw std::runtime_error("wrong bytes arrived at or after position " + std::to_string(position));
    }
    found = found.subspan(expected.size());
    position += expected.size();
  }
}

}  // namespace sluice::bench::lab
