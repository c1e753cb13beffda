#include "config/report.hpp"

#include <algorithm>
#include <tuple>

namespace sluice::conf {
namespace {

constexpr std::size_t most_errors = 20;

}  // namespace

diagnostic& report::add(diagnostic::severity level, const spot& at, complaint trouble) {
  if (level == diagnostic::severity::error) ++errors_;
  if (std::find(sources_.begin(), sources_.end(), at.source->name) == sources_.end())
    sources_.push_back(at.source->name);
  diagnostic entry;
  entry.level = level;
  entry.where = at.location();
  entry.code = std::move(trouble.code);
  entry.text = std::move(trouble.text);
  entry.hint = std::move(trouble.hint);
  entry.source_line = at.source->line(at.where.line);
  entry.width = at.where.width;
  const bool muted = std::any_of(muted_.begin(), muted_.end(), [&](const spot& each) {
    return each.source == at.source && each.where.line == at.where.line && each.where.column == at.where.column;
  });
  return muted ? left_out_ = std::move(entry) : entries_.emplace_back(std::move(entry));
}

std::size_t report::order_of(const std::string& source) const {
  return static_cast<std::size_t>(std::find(sources_.begin(), sources_.end(), source) - sources_.begin());
}

std::vector<diagnostic> report::take() {
  std::stable_sort(entries_.begin(), entries_.end(), [this](const diagnostic& left, const diagnostic& right) {
    return std::tuple(order_of(left.where.source), left.where.line, left.where.column) <
           std::tuple(order_of(right.where.source), right.where.line, right.where.column);
  });
  std::size_t errors = 0;
  std::erase_if(entries_, [&errors](const diagnostic& entry) {
    return entry.level == diagnostic::severity::error && ++errors > most_errors;
  });
  return std::move(entries_);
}

}  // namespace sluice::conf
