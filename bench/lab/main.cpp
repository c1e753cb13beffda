// bench_lab: what each way of moving bytes costs on this machine. A table a file; README.md says what each teaches.

#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "measured.hpp"
#include "options.hpp"
#include "table.hpp"
#include "tables.hpp"

namespace {

using namespace sluice::bench::lab;

struct entry {
  std::string name;
  table (*measure)(const options&);
};

const std::vector<entry>& entries() {
  static const std::vector<entry> all{
      {"file_to_file", file_to_file},     {"file_to_socket", file_to_socket}, {"socket_to_socket", socket_to_socket},
      {"user_to_socket", user_to_socket}, {"one_to_two", one_to_two},         {"message_sizes", message_sizes}};
  return all;
}

std::vector<std::string> table_names() {
  std::vector<std::string> names;
  for (const entry& one : entries()) names.push_back(one.name);
  return names;
}

int measure_all(const options& wanted) {
  std::ofstream json;
  if (!wanted.json_file.empty()) {
    json.open(wanted.json_file);
    if (!json) throw std::runtime_error("cannot write " + wanted.json_file);
  }
  keep_to(place::measured);
  std::cout << "# What each way of moving bytes costs\n\n"
            << machine_text() << ". Medians of " << wanted.repeat
            << ". CPU time is that of the thread that moves the bytes.\n";
  std::vector<table> tables;
  for (const entry& one : entries()) {
    if (!wanted.wants(one.name)) continue;
    tables.push_back(one.measure(wanted));
    print_markdown(std::cout, tables.back());
  }
  std::cout << "\nAF_XDP is not here: it hands out frames below TCP, so a relay on it would need a TCP of its own.\n";
  if (json.is_open()) {
    print_json(json, tables);
    json.close();
    if (!json) throw std::runtime_error("cannot write " + wanted.json_file);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // splice has no MSG_NOSIGNAL
  try {
    const options wanted = parse_options(argc, argv, table_names());
    if (wanted.help) {
      std::cout << usage(table_names());
      return 0;
    }
    return measure_all(wanted);
  } catch (const usage_error& error) {
    std::fprintf(stderr, "bench_lab: %s\n%s", error.what(), usage(table_names()).c_str());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_lab: %s\n", error.what());
    return 1;
  }
}
