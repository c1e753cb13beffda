#include "history/plan.hpp"

#include <algorithm>
#include <cstring>
#include <random>

namespace sluice::history {
namespace {

/// Mostly small, since the interesting moments are at the ends; now and then more than all buffers on the way hold.
std::uint64_t some_bytes(std::mt19937_64& random) {
  const auto below = [&](std::uint64_t limit) { return random() % limit; };
  const auto dice = below(100);
  if (dice < 8) return 0;
  if (dice < 45) return below(2'000);
  if (dice < 85) return below(200'000);
  return below(dice < 99 ? 2'000'000 : 12'000'000);
}

side_plan some_side(std::mt19937_64& random) {
  side_plan made;
  made.stream = random();
  made.bytes = some_bytes(random);
  constexpr std::size_t pieces[] = {1, 100, 1'448, 16 * 1024, 256 * 1024};
  // A byte at a time only where it does not take for ever.
  made.largest_piece = pieces[random() % 5];
  if (made.bytes > 5'000) made.largest_piece = std::max<std::size_t>(made.largest_piece, 4'096);
  made.reads_at_once = pieces[2 + random() % 3];
  made.rests_percent = random() % 3 == 0 ? 10 : 1;
  made.longest_rest = std::chrono::microseconds(random() % 10 == 0 ? 20'000 : 1'000);
  made.chance = random();
  return made;
}

std::uint64_t word_of(std::uint64_t seed, std::uint64_t number) {
  return (number + seed) * 0x9e3779b97f4a7c15U ^ 0x5eed'c0de'5eed'c0deU;
}

}  // namespace

session_plan make_plan(std::uint64_t seed, std::uint32_t number) {
  std::mt19937_64 random(seed * 0x2545f4914f6cdd1dU + number);
  session_plan made{number, some_side(random), some_side(random)};
  made.client.bytes += header_bytes;
  // A fifth of the sessions is ended by one of the two in the midst of it.
  if (const auto dice = random() % 100; dice < 20) {
    side_plan& rude = dice % 2 == 0 ? made.client : made.backend;
    rude.end = dice < 12 ? ending::reset : ending::close;
    rude.ends_after = header_bytes + random() % (made.client.bytes + made.backend.bytes);
  }
  return made;
}

std::vector<std::byte> header_of(std::uint64_t seed, std::uint32_t number) {
  const std::uint64_t words[2] = {number, word_of(seed, number)};
  std::vector<std::byte> header(header_bytes);
  std::memcpy(header.data(), words, header_bytes);
  return header;
}

std::optional<std::uint32_t> number_in(std::uint64_t seed, std::span<const std::byte, header_bytes> header) {
  std::uint64_t words[2];
  std::memcpy(words, header.data(), header_bytes);
  if (words[0] > UINT32_MAX || words[1] != word_of(seed, words[0])) return std::nullopt;
  return static_cast<std::uint32_t>(words[0]);
}

}  // namespace sluice::history
