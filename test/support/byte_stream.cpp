#include "support/byte_stream.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace sluice::support {

/// Eight bytes at a time, mixed as splitmix64 does, so that a gibibyte costs a test little.
std::uint64_t byte_stream::word(std::uint64_t index) const noexcept {
  std::uint64_t mixed = seed_ * 0x9e3779b97f4a7c15 + index;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

std::byte byte_stream::at(std::uint64_t position) const noexcept {
  return static_cast<std::byte>(word(position / 8) >> (position % 8 * 8));
}

void byte_stream::fill(std::uint64_t position, std::span<std::byte> into) const noexcept {
  while (!into.empty()) {
    const std::uint64_t from = word(position / 8) >> (position % 8 * 8);
    const std::size_t n = std::min<std::size_t>(8 - position % 8, into.size());
    std::memcpy(into.data(), &from, n);
    into = into.subspan(n);
    position += n;
  }
}

std::vector<std::byte> byte_stream::bytes(std::uint64_t position, std::size_t n) const {
  std::vector<std::byte> made(n);
  fill(position, made);
  return made;
}

std::size_t byte_stream::matching(std::uint64_t position, std::span<const std::byte> data) const noexcept {
  std::array<std::byte, 4096> expected;
  std::size_t done = 0;
  while (done < data.size()) {
    const std::size_t n = std::min(expected.size(), data.size() - done);
    fill(position + done, std::span(expected).first(n));
    const auto right = std::mismatch(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(n),
                                     data.begin() + static_cast<std::ptrdiff_t>(done));
    const auto same = static_cast<std::size_t>(right.first - expected.begin());
    done += same;
    if (same < n) break;
  }
  return done;
}

bool stream_checker::take(std::span<const std::byte> piece) noexcept {
  if (!intact_) return false;
  const std::size_t right = stream_.matching(position_, piece);
  position_ += right;
  intact_ = right == piece.size();
  return intact_;
}

}  // namespace sluice::support
