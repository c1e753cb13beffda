#include "options.hpp"

#include <array>
#include <charconv>
#include <string_view>
#include <utility>

namespace sluice::bench {
namespace {

constexpr std::array<std::pair<std::string_view, work>, 7> works{{{"bulk-down", work::bulk_down},
                                                                  {"bulk-up", work::bulk_up},
                                                                  {"bulk-both", work::bulk_both},
                                                                  {"ping-pong", work::ping_pong},
                                                                  {"short", work::short_sessions},
                                                                  {"mix", work::mix},
                                                                  {"idle", work::idle}}};

template <typename Number>
Number number(std::string_view option, std::string_view text, Number least, Number most) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most) {
    throw usage_error(std::string(option) + ": not a number it takes: " + std::string(text));
  }
  return value;
}

work work_named(std::string_view name) {
  for (const auto& [known, what] : works) {
    if (known == name) return what;
  }
  throw usage_error("no such work: " + std::string(name));
}

std::vector<pid_t> pids(std::string_view option, std::string_view list) {
  std::vector<pid_t> found;
  while (!list.empty()) {
    const std::string_view one = list.substr(0, list.find(','));
    found.push_back(number<pid_t>(option, one, 1, 1 << 30));
    list.remove_prefix(one.size() == list.size() ? one.size() : one.size() + 1);
  }
  return found;
}

void set(options& into, std::string_view name, std::string_view value) {
  if (name == "--connections") {
    into.connections = number<std::size_t>(name, value, 1, 100'000);
  } else if (name == "--bulk-beside") {
    into.bulk_beside = number<std::size_t>(name, value, 1, 10'000);
  } else if (name == "--bytes") {
    into.message_bytes = number<std::size_t>(name, value, 8, 1 << 20);
  } else if (name == "--closer") {
    if (value != "client" && value != "server") throw usage_error("--closer: client or server");
    into.closer = value == "client" ? closes_first::client : closes_first::server;
  } else if (name == "--warmup") {
    into.warmup_seconds = number<double>(name, value, 0, 3600);
  } else if (name == "--seconds") {
    into.seconds = number<double>(name, value, 0.01, 3600);
  } else if (name == "--connect") {
    into.connect_port = number<std::uint16_t>(name, value, 1, 65535);
  } else if (name == "--serve") {
    into.serve_port = number<std::uint16_t>(name, value, 1, 65535);
  } else if (name == "--meter") {
    into.meter.processes = pids(name, value);
  } else if (name == "--meter-family") {
    into.meter.families = pids(name, value);
  } else if (name == "--meter-cgroup") {
    into.meter.files.emplace_back(value);
  } else {
    throw usage_error("unknown option " + std::string(name));
  }
}

}  // namespace

options parse_options(int argc, char** argv) {
  if (argc < 2) throw usage_error("what work?");
  options parsed;
  parsed.what = work_named(argv[1]);
  for (int i = 2; i < argc; i += 2) {
    if (i + 1 == argc) throw usage_error(std::string(argv[i]) + ": value missing");
    set(parsed, argv[i], argv[i + 1]);
  }
  if (parsed.connect_port == 0 || parsed.serve_port == 0) throw usage_error("--connect and --serve are needed");
  return parsed;
}

std::string usage() {
  return "usage: bench_load bulk-down|bulk-up|bulk-both|ping-pong|short|mix|idle --connect PORT --serve PORT\n"
         "         [--connections N] [--bytes N] [--closer client|server] [--warmup SECONDS] [--seconds SECONDS]\n"
         "         [--bulk-beside N] [--meter PID,...] [--meter-family PID,...] [--meter-cgroup FILE]\n"
         "Serves on 127.0.0.1:SERVE, works through a relay on 127.0.0.1:CONNECT, prints one line of JSON.\n"
         "idle says \"held\" once every connection moved its message, and holds them until its input ends.\n";
}

const char* name_of(work what) {
  for (const auto& [name, known] : works) {
    if (known == what) return name.data();
  }
  return "";
}

}  // namespace sluice::bench
