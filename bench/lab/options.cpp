#include "options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <utility>

namespace sluice::bench::lab {
namespace {

constexpr std::uint64_t least_bytes = 1 << 20;
constexpr std::uint64_t most_bytes = std::uint64_t{64} << 30;

std::uint64_t leading_number(std::string_view option, std::string_view& text, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value > most) {
    throw usage_error(std::string(option) + ": not a number it takes: " + std::string(text));
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::uint64_t size(std::string_view option, std::string_view text) {
  constexpr std::array<std::pair<std::string_view, int>, 4> units{{{"", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}}};
  const std::string whole(text);
  const std::uint64_t value = leading_number(option, text, most_bytes);
  for (const auto& [name, shift] : units) {
    if (name != text) continue;
    if (value > most_bytes >> shift || value << shift < least_bytes) {
      throw usage_error(std::string(option) + ": 1MiB to 64GiB, not " + whole);
    }
    return value << shift;
  }
  throw usage_error(std::string(option) + ": a number with KiB, MiB, GiB or nothing behind it, not " + whole);
}

std::vector<std::string> names(std::string_view option, std::string_view list, const std::vector<std::string>& known) {
  std::vector<std::string> found;
  while (true) {
    const std::string one(list.substr(0, list.find(',')));
    if (std::find(known.begin(), known.end(), one) == known.end()) {
      throw usage_error(std::string(option) + ": no such table: " + one);
    }
    found.push_back(one);
    if (one.size() == list.size()) return found;
    list.remove_prefix(one.size() + 1);
  }
}

void set(options& into, std::string_view name, std::string_view value, const std::vector<std::string>& tables) {
  if (name == "--bytes") {
    into.file_bytes = into.socket_bytes = size(name, value);
  } else if (name == "--only") {
    into.only = names(name, value, tables);
  } else if (name == "--repeat") {
    into.repeat = static_cast<std::size_t>(leading_number(name, value, 1000));
    if (into.repeat == 0 || !value.empty()) throw usage_error("--repeat: a number from 1 to 1000");
  } else if (name == "--directory") {
    if (!std::filesystem::is_directory(value)) {
      throw usage_error("--directory: not a directory: " + std::string(value));
    }
    into.directory = value;
  } else if (name == "--json") {
    if (value.empty()) throw usage_error("--json: a file's name");
    into.json_file = value;
  } else {
    throw usage_error("unknown option " + std::string(name));
  }
}

}  // namespace

bool options::wants(const std::string& table) const {
  return only.empty() || std::find(only.begin(), only.end(), table) != only.end();
}

options parse_options(int argc, char** argv, const std::vector<std::string>& tables) {
  options parsed;
  parsed.directory = std::filesystem::temp_directory_path().string();
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--help" || name == "-h") {
      parsed.help = true;
      return parsed;
    }
    if (!name.starts_with("--")) throw usage_error("not an option: " + std::string(name));
    if (i + 1 == argc) throw usage_error(std::string(name) + ": unknown, or its value is missing");
    set(parsed, name, argv[i + 1], tables);
  }
  return parsed;
}

std::string usage(const std::vector<std::string>& tables) {
  std::string text =
      "usage: bench_lab [--bytes N[KiB|MiB|GiB]] [--only TABLE[,TABLE]] [--repeat N] [--directory DIR] [--json FILE]\n"
      "Measures each way of moving bytes on this machine: Markdown on the output, JSON into FILE.\n"
      "Moves 1 GiB from files and 256 MiB between sockets, three times each, unless told otherwise.\n"
      "TABLE:";
  for (const std::string& table : tables) text += " " + table;
  return text + "\n";
}

}  // namespace sluice::bench::lab
