// bench_balance FOLDER: draws there how each policy spreads sessions, and prints the figures.
// bench_balance --check FOLDER: fails if a picture there is not the one that would be drawn.
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>

#include "picture.hpp"
#include "simulation.hpp"

namespace {

using namespace sluice;

struct subject {
  std::string name;  ///< of the picture
  std::string title;
  balance::policy_settings settings;
};

const subject subjects[] = {
    {"round-robin", "round-robin", {balance_policy::round_robin, {}}},
    {"least-connections", "least-connections", {balance_policy::least_connections, {}}},
    {"random", "random", {balance_policy::random, {}}},
    {"power-of-two", "power-of-two", {balance_policy::power_of_two, {}}},
    {"first", "first, max_connections = 20 a backend", {balance_policy::first, {}}},
    {"source-hash", "source-hash", {balance_policy::source_hash, {}}},
    {"maglev", "maglev", {balance_policy::maglev, {}}},
    {"maglev-bounded", "maglev, load_factor = 125", {balance_policy::maglev, {65'537, 125}}},
    {"ewma", "ewma", {balance_policy::ewma, {}}},
};

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string hundredths(std::int64_t value) {
  const std::string rest = std::to_string(value % 100);
  return std::to_string(value / 100) + (rest.size() == 1 ? ".0" : ".") + rest;
}

std::string note_of(const subject& one, const simulation::outcome& what) {
  std::string note = "a session takes " + hundredths(what.mean_stay_ns / 10'000'000) +
                     " s on average; connects refused: " + std::to_string(what.refused) +
                     ", sessions cut: " + std::to_string(what.cut);
  if (what.turned_away > 0) note += ", clients turned away: " + std::to_string(what.turned_away);
  if (one.settings.kind == balance_policy::source_hash || one.settings.kind == balance_policy::maglev)
    note += "; " + std::to_string(simulation::clients_moved_by_joining(one.settings)) +
            " % of the clients move when the new one comes";
  return note;
}

}  // namespace

int main(int count, char** words) {
  const bool checks = count == 3 && std::string_view(words[1]) == "--check";
  if (!checks && count != 2) {
    std::cerr << "usage: bench_balance [--check] FOLDER\n";
    return 2;
  }
  const std::string folder = words[count - 1];
  int result = 0;
  for (const subject& one : subjects) {
    const simulation::outcome what = simulation::simulate(one.settings);
    const std::string note = note_of(one, what);
    const std::string picture = simulation::draw(one.title, what, note);
    const std::string path = folder + '/' + one.name + ".svg";
    if (checks) {
      if (contents(path) == picture) continue;
      std::cerr << path << " is not what the policy does now; draw it anew: bench_balance " << folder << '\n';
      result = 1;
    } else if (std::ofstream file(path); file << picture) {
      std::cout << one.name << ": " << note << '\n';
    } else {
      std::cerr << "cannot write " << path << '\n';
      return 1;
    }
  }
  return result;
}
