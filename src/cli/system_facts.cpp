#include "cli/system_facts.hpp"

#include <charconv>
#include <fstream>
#include <sstream>

#include <boost/asio/version.hpp>
#include <boost/version.hpp>

#include "cli/build_info.hpp"

namespace sluice::cli {
namespace {

const std::string unknown = "unknown";

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  return std::getline(file, line) && !line.empty() ? line : unknown;
}

/// What follows `label` on its line of the file, without leading blanks; empty if there is no such line.
std::string labelled(const char* path, std::string_view label) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(label)) continue;
    const auto begin = line.find_first_not_of(" \t", label.size());
    return begin == std::string::npos ? std::string() : line.substr(begin);
  }
  return {};
}

std::string descriptor_limit() {
  std::istringstream values(labelled("/proc/self/limits", "Max open files"));
  std::string soft;
  std::string hard;
  return values >> soft >> hard ? soft + " (hard: " + hard + ")" : unknown;
}

std::string processors() {
  const auto list = labelled("/proc/self/status", "Cpus_allowed_list:");
  if (list.empty()) return unknown;
  const auto quota = first_line("/sys/fs/cgroup/cpu.max");
  return std::to_string(processors_in(list)) + " usable (" + list + ")" +
         (quota == unknown ? "" : ", cgroup cpu.max: " + quota);
}

std::string build() {
  std::string text(build_info::build_type);
  if (!build_info::sanitizers.empty()) text += ", sanitizers: " + std::string(build_info::sanitizers);
  return text;
}

std::string boost_versions() {
  return std::to_string(BOOST_VERSION / 100000) + "." + std::to_string(BOOST_VERSION / 100 % 1000) + ", Asio " +
         std::to_string(BOOST_ASIO_VERSION / 100000) + "." + std::to_string(BOOST_ASIO_VERSION / 100 % 1000) + "." +
         std::to_string(BOOST_ASIO_VERSION % 100);
}

}  // namespace

unsigned processors_in(std::string_view list) {
  unsigned count = 0;
  while (!list.empty()) {
    const auto end = std::min(list.find(','), list.size());
    const auto part = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    unsigned first = 0;
    const auto after = std::from_chars(part.data(), part.data() + part.size(), first).ptr;
    unsigned last = first;
    if (after != part.data() + part.size() && *after == '-')
      std::from_chars(after + 1, part.data() + part.size(), last);
    count += last - first + 1;
  }
  return count;
}

std::vector<std::pair<std::string, std::string>> system_facts() {
  return {
      {"sluice", std::string(build_info::version)},
      {"compiler", std::string(build_info::compiler)},
      {"build", build()},
      {"boost", boost_versions()},
      {"kernel", first_line("/proc/sys/kernel/osrelease")},
      {"pipe-max-size", first_line("/proc/sys/fs/pipe-max-size")},
      {"pipe-user-pages-soft", first_line("/proc/sys/fs/pipe-user-pages-soft")},
      {"descriptors", descriptor_limit()},
      {"processors", processors()},
      {"somaxconn", first_line("/proc/sys/net/core/somaxconn")},
  };
}

}  // namespace sluice::cli
