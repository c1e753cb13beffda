#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "measured.hpp"

namespace sluice::bench::lab {

/// A technique at one size. Compared with the first row of its group.
struct row {
  std::string technique;
  std::string group;
  std::size_t piece_bytes = 0;  ///< what one call is asked to move, or a message's size
  measured cost{};
  std::string note{};
  std::string refused{};  ///< why there are no figures; empty: there are
};

struct table {
  std::string name;
  std::string title;
  std::string piece_means;  ///< the heading of piece_bytes
  std::vector<row> rows{};
  std::vector<std::string> remarks{};
};

/// One run: `bytes` are moved; if `verify`, each is looked at where it arrives, and throws where one is wrong.
struct run_order {
  std::uint64_t bytes = 0;
  bool verify = false;
};
struct run_result {
  measured cost;
  std::string note;
};

/// Fills the row's figures: one run that is verified, with an odd number of bytes, then `repeat` that are timed.
row measured_row(row described, std::uint64_t bytes, std::size_t repeat,
                 const std::function<run_result(const run_order&)>& run);

/// "64 KiB"
std::string size_text(std::uint64_t bytes);

void print_markdown(std::ostream& into, const table& shown);
/// The machine and the tables as one JSON value.
void print_json(std::ostream& into, const std::vector<table>& tables);
/// "Linux 6.18.1 x86_64, 2 processors"
std::string machine_text();

}  // namespace sluice::bench::lab
