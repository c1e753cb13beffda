#include "table.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <thread>
#include <utility>

#include "calls.hpp"

namespace sluice::bench::lab {
namespace {

constexpr std::uint64_t most_verified_bytes = 8 << 20;
constexpr std::uint64_t odd_bytes = 1001;
constexpr double mib = 1 << 20;

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string quoted(std::string_view text) {
  std::string made = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') made += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) made += c;
  }
  return made + '"';
}

double cpu_us_a_mib(const measured& cost) {
  return cost.bytes != 0 ? cost.cpu_seconds * 1e6 / (static_cast<double>(cost.bytes) / mib) : 0;
}

/// Its CPU time a byte as a multiple of the first row's of its group; 0 where there is no telling.
double against_first(const table& all, const row& one) {
  const auto first = std::find_if(all.rows.begin(), all.rows.end(), [&](const row& r) { return r.group == one.group; });
  if (first == all.rows.end() || !first->refused.empty() || !one.refused.empty()) return 0;
  const double base = cpu_us_a_mib(first->cost);
  return base > 0 ? cpu_us_a_mib(one.cost) / base : 0;
}

void print_row(std::ostream& into, const table& all, const row& one) {
  into << "    {\"technique\": " << quoted(one.technique) << ", \"group\": " << quoted(one.group)
       << ", \"piece_bytes\": " << one.piece_bytes;
  if (one.refused.empty()) {
    into << ", \"bytes\": " << one.cost.bytes << ", \"calls\": " << one.cost.calls
         << ", \"cpu_seconds\": " << fixed(one.cost.cpu_seconds, 9)
         << ", \"wall_seconds\": " << fixed(one.cost.wall_seconds, 9)
         << ", \"cpu_us_a_mib\": " << fixed(cpu_us_a_mib(one.cost), 3)
         << ", \"cpu_against_first\": " << fixed(against_first(all, one), 4);
  } else {
    into << ", \"refused\": " << quoted(one.refused);
  }
  into << ", \"note\": " << quoted(one.note) << "}";
}

}  // namespace

row measured_row(row described, std::uint64_t bytes, std::size_t repeat,
                 const std::function<run_result(const run_order&)>& run) {
  try {
    run({.bytes = std::min(bytes, most_verified_bytes) - odd_bytes, .verify = true});
    std::vector<measured> costs;
    while (costs.size() < repeat) {
      run_result result = run({.bytes = bytes, .verify = false});
      costs.push_back(result.cost);
      described.note = std::move(result.note);
    }
    described.cost = median_of(costs);
  } catch (const refusal& reason) {
    described.refused = reason.what();
  }
  return described;
}

std::string size_text(std::uint64_t bytes) {
  for (const auto& [shift, unit] : {std::pair{30, " GiB"}, std::pair{20, " MiB"}, std::pair{10, " KiB"}}) {
    if (bytes >> shift != 0 && bytes % (std::uint64_t{1} << shift) == 0) return std::to_string(bytes >> shift) + unit;
  }
  return std::to_string(bytes) + " B";
}

void print_markdown(std::ostream& into, const table& shown) {
  into << "\n## " << shown.title << " (" << shown.name << ")\n\n"
       << "| technique | " << shown.piece_means
       << " | moved | system calls | CPU ms | wall ms | CPU us a MiB | CPU to the first | |\n"
       << "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n";
  for (const row& one : shown.rows) {
    into << "| " << one.technique << " | " << size_text(one.piece_bytes);
    if (one.refused.empty()) {
      into << " | " << size_text(one.cost.bytes) << " | " << one.cost.calls << " | "
           << fixed(one.cost.cpu_seconds * 1e3, 1) << " | " << fixed(one.cost.wall_seconds * 1e3, 1) << " | "
           << fixed(cpu_us_a_mib(one.cost), 1) << " | " << fixed(against_first(shown, one), 2) << " | " << one.note
           << " |\n";
    } else {
      into << " | | | | | | | refused: " << one.refused << " |\n";
    }
  }
  for (const std::string& remark : shown.remarks) into << "\n" << remark << "\n";
  into.flush();
}

void print_json(std::ostream& into, const std::vector<table>& tables) {
  into << "{\"machine\": " << quoted(machine_text()) << ", \"tables\": [";
  for (const table& one : tables) {
    into << (&one == tables.data() ? "" : ",") << "\n  {\"name\": " << quoted(one.name)
         << ", \"title\": " << quoted(one.title) << ", \"rows\": [";
    for (const row& each : one.rows) {
      into << (&each == one.rows.data() ? "\n" : ",\n");
      print_row(into, one, each);
    }
    into << "],\n   \"remarks\": [";
    for (const std::string& remark : one.remarks) into << (&remark == one.remarks.data() ? "" : ", ") << quoted(remark);
    into << "]}";
  }
  into << "\n]}\n";
}

std::string machine_text() {
  utsname name{};
  uname(&name);
  return std::string(name.sysname) + " " + name.release + " " + name.machine + ", " +
         std::to_string(std::thread::hardware_concurrency()) + " processors";
}

}  // namespace sluice::bench::lab
