#include "balance/hash.hpp"

#include <array>
#include <set>
#include <string>

#include "support/catch.hpp"

using namespace sluice::balance;

namespace {

using ipv4 = std::array<std::uint8_t, 4>;

std::uint64_t key_of(const ipv4& address, std::uint32_t bits) { return address_key(address, bits); }

}  // namespace

TEST_CASE("hash: it is XXH64", "[balance][hash]") {
  // Of the reference implementation (xxhsum -H1), one for each way through: no byte, few, a word, more than a stripe.
  CHECK(hash_of("") == 0xEF46DB3751D8E999);
  CHECK(hash_of("a") == 0xD24EC4F1A98C6E5B);
  CHECK(hash_of("abc") == 0x44BC2CF5AD770999);
  CHECK(hash_of("Nobody inspects the spammish repetition") == 0xFBCEA83C8A378BF1);
  CHECK(hash_of("Nobody inspects the spammish repetition", 1) != 0xFBCEA83C8A378BF1);
}

TEST_CASE("hash: bits beyond the prefix do not matter, those within it do", "[balance][hash]") {
  CHECK(key_of({10, 1, 2, 3}, 32) != key_of({10, 1, 2, 4}, 32));
  CHECK(key_of({10, 1, 2, 3}, 24) == key_of({10, 1, 2, 255}, 24));
  CHECK(key_of({10, 1, 2, 3}, 24) != key_of({10, 1, 3, 3}, 24));
  CHECK(key_of({10, 1, 0b0101'0000, 3}, 20) == key_of({10, 1, 0b0101'1111, 9}, 20));
  CHECK(key_of({10, 1, 0b0101'0000, 3}, 20) != key_of({10, 1, 0b0100'0000, 3}, 20));
  std::array<std::uint8_t, 16> first{0x20, 0x01, 0x0D, 0xB8};
  std::array<std::uint8_t, 16> second = first;
  second[15] = 1;
  CHECK(address_key(first, 128) != address_key(second, 128));
  CHECK(address_key(first, 64) == address_key(second, 64));
  second[7] = 1;
  CHECK(address_key(first, 64) != address_key(second, 64));
}

TEST_CASE("hash: addresses that follow one another have keys that do not", "[balance][hash]") {
  std::set<std::uint64_t> slots;
  for (int i = 0; i < 256; ++i) slots.insert(key_of({10, 0, 0, static_cast<std::uint8_t>(i)}, 32) % 65'537);
  CHECK(slots.size() >= 254);
}
