#include "balance/round_robin.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "balance/policy.hpp"
#include "support/allocation_count.hpp"
#include "support/catch.hpp"

using namespace sluice::balance;

namespace {

class all_but final : public candidates {
 public:
  explicit all_but(std::set<std::size_t> out = {}) : out_(std::move(out)) {}
  bool operator()(std::size_t backend) const noexcept override {
    ++asked_;
    return out_.count(backend) == 0;
  }
  std::uint32_t active(std::size_t) const noexcept override { return 0; }
  std::size_t asked() const { return asked_; }

 private:
  std::set<std::size_t> out_;
  mutable std::size_t asked_ = 0;
};

std::unique_ptr<policy> round_robin(const std::vector<std::uint32_t>& weights, std::uint64_t start = 0) {
  std::vector<policy_backend> backends;
  for (const std::uint32_t weight : weights) backends.push_back({"", weight});
  return plan_policy({sluice::balance_policy::round_robin, {}}, backends)(start);
}

/// The next picks as letters: backend 0 is 'a'; '-' where there was none.
std::string sequence(policy& of, std::size_t picks, const candidates& eligible = all_but()) {
  std::string letters;
  for (std::size_t i = 0; i < picks; ++i) {
    const std::size_t backend = of.pick({}, eligible);
    letters += backend == no_backend ? '-' : static_cast<char>('a' + backend);
  }
  return letters;
}

/// The algorithm as nginx writes it, for comparison where everyone is eligible.
class reference {
 public:
  explicit reference(std::vector<std::uint32_t> weights) : weights_(std::move(weights)), current_(weights_.size()) {}
  std::size_t pick() {
    std::int64_t total = 0;
    std::size_t best = no_backend;
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      if (weights_[i] == 0) continue;
      current_[i] += weights_[i];
      total += weights_[i];
      if (best == no_backend || current_[i] > current_[best]) best = i;
    }
    current_[best] -= total;
    return best;
  }

 private:
  std::vector<std::uint32_t> weights_;
  std::vector<std::int64_t> current_;
};

}  // namespace

TEST_CASE("round_robin: weights spread smoothly", "[balance][round_robin]") {
  CHECK(sequence(*round_robin({5, 1, 1}), 14) == "aabacaaaabacaa");
  CHECK(sequence(*round_robin({4, 2, 1}), 14) == "abacabaabacaba");
  CHECK(sequence(*round_robin({2, 1}), 6) == "abaaba");
  CHECK(sequence(*round_robin({1, 2}), 6) == "babbab");
  CHECK(sequence(*round_robin({1, 1, 1, 1}), 8) == "abcdabcd");
  CHECK(sequence(*round_robin({7}), 3) == "aaa");
}

TEST_CASE("round_robin: only the ratio of weights matters", "[balance][round_robin]") {
  CHECK(sequence(*round_robin({500, 100, 100}), 14) == "aabacaaaabacaa");
  CHECK(sequence(*round_robin({4'000'000'000, 4'000'000'000}), 4) == "abab");
  CHECK(sequence(*round_robin({4'000'000'000, 2'000'000'000, 1'000'000'000}), 7) == "abacaba");
}

TEST_CASE("round_robin: every sequence is nginx's", "[balance][round_robin]") {
  std::uint64_t state = GENERATE(1U, 2U, 3U, 4U, 5U);
  const auto next = [&] { return static_cast<std::uint32_t>((state = state * 6364136223846793005U + 1U) >> 33U); };
  for (int round = 0; round < 50; ++round) {
    std::vector<std::uint32_t> weights(1 + next() % 20);
    for (std::uint32_t& weight : weights) weight = next() % 12;
    weights.back() = 1;
    reference expected(weights);
    const auto made = round_robin(weights);
    CAPTURE(weights);
    for (int i = 0; i < 500; ++i) REQUIRE(made->pick({}, all_but()) == expected.pick());
  }
}

TEST_CASE("round_robin: a weight of 0 is never picked", "[balance][round_robin]") {
  CHECK(sequence(*round_robin({0, 1, 0, 1}), 6) == "bdbdbd");
  CHECK(sequence(*round_robin({0, 2, 0, 1}), 6) == "bdbbdb");
  CHECK(sequence(*round_robin({0, 2, 0, 1}), 4, all_but({1, 3})) == "----");
  CHECK(sequence(*round_robin({0, 0}), 2) == "--");
}

TEST_CASE("round_robin: backends that are not eligible are skipped", "[balance][round_robin]") {
  CHECK(sequence(*round_robin({1, 1, 1}), 6, all_but({1})) == "acacac");
  CHECK(sequence(*round_robin({5, 1, 1}), 6, all_but({0})) == "bcbcbc");
  CHECK(sequence(*round_robin({1, 1, 1}), 2, all_but({0, 1, 2})) == "--");
  CHECK(sequence(*round_robin({3, 1, 1}), 2, all_but({0, 1, 2})) == "--");
}

TEST_CASE("round_robin: the others share by weight while one is out", "[balance][round_robin]") {
  const auto made = round_robin({5, 3, 2, 1});
  const all_but without_b({1});
  std::map<std::size_t, int> picked;
  for (int i = 0; i < 8'000; ++i) ++picked[made->pick({}, without_b)];
  CHECK(picked[1] == 0);
  CHECK(std::abs(picked[0] - 5'000) <= 5);
  CHECK(std::abs(picked[2] - 2'000) <= 5);
  CHECK(std::abs(picked[3] - 1'000) <= 5);
}

TEST_CASE("round_robin: a backend that comes back is not flooded", "[balance][round_robin]") {
  const auto made = round_robin({3, 2, 1});
  sequence(*made, 10'000, all_but({2}));
  const std::string after = sequence(*made, 12);
  INFO(after);
  CHECK(after.front() == 'c');
  CHECK(std::count(after.begin(), after.end(), 'c') <= 3);
}

TEST_CASE("round_robin: weights hold through any coming and going", "[balance][round_robin]") {
  const std::vector<std::uint32_t> weights{7, 5, 3, 3, 2, 1, 1, 9};
  const auto made = round_robin(weights);
  std::uint64_t state = GENERATE(1U, 2U, 3U);
  for (int phase = 0; phase < 200; ++phase) {
    state = state * 6364136223846793005U + 1U;
    std::set<std::size_t> out;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if ((state >> (40 + i)) & 1U) out.insert(i);
    }
    const all_but eligible(out);
    std::vector<int> picked(weights.size());
    std::uint32_t total = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) total += out.count(i) ? 0 : weights[i];
    for (std::uint32_t i = 0; i < 100 * total; ++i) {
      const std::size_t backend = made->pick({}, eligible);
      REQUIRE(backend < weights.size());
      REQUIRE(out.count(backend) == 0);
      ++picked[backend];
    }
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (out.count(i) == 0) CHECK(std::abs(picked[i] - 100 * static_cast<int>(weights[i])) <= 40);
    }
  }
}

TEST_CASE("round_robin: an outage of all costs one question each", "[balance][round_robin]") {
  std::vector<std::uint32_t> weights(1'000, 1);
  std::set<std::size_t> all;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] += static_cast<std::uint32_t>(i % 10);
    all.insert(i);
  }
  const auto made = round_robin(weights);
  const all_but nobody(all);
  CHECK(made->pick({}, nobody) == no_backend);
  CHECK(nobody.asked() <= 1'004);
  CHECK(made->pick({}, nobody) == no_backend);
  CHECK(nobody.asked() <= 2'004);
  CHECK(made->pick({}, all_but()) != no_backend);
}

TEST_CASE("round_robin: workers with different starts begin at different backends", "[balance][round_robin]") {
  CHECK(sequence(*round_robin({1, 1, 1}, 1), 4) == "bcab");
  CHECK(sequence(*round_robin({1, 1, 1}, 5), 4) == "cabc");
  CHECK(sequence(*round_robin({2, 1}, 1), 6) == "baabaa");
  CHECK(sequence(*round_robin({5, 1, 1}, 2), 7) == "bacaaaa");
  CHECK(sequence(*round_robin({5, 1, 1}, 7), 7) == "aabacaa");
}

TEST_CASE("round_robin: a pick asks few and allocates nothing", "[balance][round_robin]") {
  std::vector<std::uint32_t> weights(1'000, 1);
  const bool weighted = GENERATE(false, true);
  if (weighted) {
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = 1 + static_cast<std::uint32_t>(i % 10);
  }
  const auto made = round_robin(weights);
  const all_but everyone;
  const std::size_t before = sluice::support::allocations();
  for (int i = 0; i < 1'000; ++i) made->pick({}, everyone);
  CHECK(sluice::support::allocations() == before);
  CHECK(everyone.asked() == 1'000);
  CHECK(before > 0);
}
