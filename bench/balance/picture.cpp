#include "picture.hpp"

#include <algorithm>
#include <string_view>

namespace sluice::simulation {
namespace {

constexpr std::int64_t left = 150;
constexpr std::int64_t wide = 560;
constexpr std::int64_t top = 78;
constexpr std::int64_t lane = 40;
constexpr std::int64_t tallest = 34;  ///< of an area
constexpr std::uint32_t full = 60;    ///< sessions that make it so tall
constexpr std::int64_t bottom = top + lane * static_cast<std::int64_t>(backends);

constexpr std::string_view style = R"(
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 17px; font-weight: 600 }
  .note { fill: #59636e; font-size: 11px }
  .value { font-variant-numeric: tabular-nums }
  .usual { fill: #9aa4b0 } .slow { fill: #bf8700 } .dying { fill: #cf222e } .fresh { fill: #1a7f37 }
  .grid { stroke: #d1d9e0; stroke-width: 1 } .out { fill: #cf222e; fill-opacity: 0.12 }
  .page { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .note { fill: #9198a1 }
    .usual { fill: #7d8894 } .slow { fill: #d29922 } .dying { fill: #f85149 } .fresh { fill: #3fb950 }
    .grid { stroke: #3d444d } .page { fill: #0d1117 }
  }
)";

std::string number(std::int64_t value) { return std::to_string(value); }

std::string text(std::int64_t x, std::int64_t y, const std::string& words, std::string_view kind = {},
                 std::string_view anchor = "start") {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" class=\"" + std::string(kind) + "\" text-anchor=\"" +
         std::string(anchor) + "\">" + words + "</text>\n";
}

std::int64_t x_at(std::int64_t time) { return left + wide * time / length; }

std::string_view kind_of(std::size_t backend) {
  switch (backend) {
    case slow: return "slow";
    case dying: return "dying";
    case fresh: return "fresh";
    default: return "usual";
  }
}

std::string name_of(std::size_t backend) {
  const std::string name = std::to_string(backend + 1);
  switch (backend) {
    case slow: return name + ": slow";
    case dying: return name + ": dies, returns";
    case fresh: return name + ": new at 30 s";
    default: return name;
  }
}

/// In steps: a session is there or not.
std::string area(std::size_t backend, const std::vector<std::uint32_t>& active, std::int64_t base) {
  std::string path = "M" + number(left) + ' ' + number(base);
  for (std::size_t i = 0; i < active.size(); ++i) {
    const std::int64_t height = tallest * std::min(active[i], full) / full;
    path += "V" + number(base - height) + "H" + number(x_at(static_cast<std::int64_t>(i + 1) * sample_every));
  }
  return "<path class=\"" + std::string(kind_of(backend)) + "\" d=\"" + path + "V" + number(base) + "Z\"/>\n";
}

}  // namespace

std::string draw(const std::string& title, const outcome& what, const std::string& note) {
  const std::string height = number(bottom + 34);
  const std::string width = number(left + wide + 110);
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + width + "\" height=\"" + height +
                    "\" viewBox=\"0 0 " + width + ' ' + height +
                    "\" role=\"img\">\n<title>Sessions of ten backends with " + title + "</title>\n<style>" +
                    std::string(style) + "</style>\n<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n";
  svg += text(20, 28, title, "title");
  svg += text(20, 47, note, "note");
  svg += text(left + wide + 100, 66, "served", "note", "end");
  svg += text(left, 66, "sessions at a time (a lane is " + std::to_string(full) + " high)", "note");
  for (std::size_t i = 0; i < backends; ++i) {
    const std::int64_t base = top + lane * static_cast<std::int64_t>(i + 1);
    if (i == dying)
      svg += "<rect class=\"out\" x=\"" + number(x_at(dies_at)) + "\" y=\"" + number(base - tallest) + "\" width=\"" +
             number(x_at(revives_at) - x_at(dies_at)) + "\" height=\"" + number(tallest) + "\"/>\n";
    svg += text(left - 10, base - 4, name_of(i), {}, "end");
    svg += area(i, what.active[i], base);
    svg += "<path class=\"grid\" d=\"M" + number(left) + ' ' + number(base) + "h" + number(wide) + "\"/>\n";
    svg += text(left + wide + 100, base - 4, std::to_string(what.served[i]), "value", "end");
  }
  for (std::int64_t at = 0; at <= length; at += 10 * second)
    svg += text(x_at(at), bottom + 18, number(at / second) + " s", "note", "middle");
  return svg + "</svg>\n";
}

}  // namespace sluice::simulation
