#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sluice::support {

/// An endless stream of bytes, each a function of a seed and its position: what is lost, doubled, swapped or belongs to
/// another connection shows at the byte where it happened, and nothing has to be kept to compare with.
class byte_stream {
 public:
  explicit byte_stream(std::uint64_t seed) noexcept : seed_(seed) {}

  std::byte at(std::uint64_t position) const noexcept;
  void fill(std::uint64_t position, std::span<std::byte> into) const noexcept;
  std::vector<std::byte> bytes(std::uint64_t position, std::size_t n) const;
  /// How many bytes at the beginning of `data` are those of the stream from `position` on.
  std::size_t matching(std::uint64_t position, std::span<const std::byte> data) const noexcept;

 private:
  std::uint64_t word(std::uint64_t index) const noexcept;
  std::uint64_t seed_;
};

/// Compares what arrives, piece by piece, with a stream from its beginning.
class stream_checker {
 public:
  explicit stream_checker(std::uint64_t seed) noexcept : stream_(seed) {}

  /// False from the first wrong byte on; position() is then that byte's.
  bool take(std::span<const std::byte> piece) noexcept;
  /// How many right bytes have come.
  std::uint64_t position() const noexcept { return position_; }
  bool intact() const noexcept { return intact_; }

 private:
  byte_stream stream_;
  std::uint64_t position_ = 0;
  bool intact_ = true;
};

}  // namespace sluice::support
