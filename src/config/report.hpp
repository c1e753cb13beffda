#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sluice/config_load.hpp"

#include "config/document.hpp"
#include "config/quantity.hpp"

namespace sluice::conf {

/// A place in a text that stays alive for the whole load.
struct spot {
  const source_text* source = nullptr;
  place where;

  source_location location() const { return {source->name, where.line, where.column}; }
};

/// Collects what is wrong while a configuration is read. Nothing stops at the first error.
class report {
 public:
  diagnostic& error(const spot& at, std::string code, std::string text, std::string hint = {}) {
    return add(diagnostic::severity::error, at, {std::move(code), std::move(text), std::move(hint)});
  }
  diagnostic& error(const spot& at, complaint trouble) {
    return add(diagnostic::severity::error, at, std::move(trouble));
  }
  diagnostic& warning(const spot& at, std::string code, std::string text, std::string hint = {}) {
    return add(diagnostic::severity::warning, at, {std::move(code), std::move(text), std::move(hint)});
  }

  /// What a value is can't be known, which was reported: what else is wrong with it is left out.
  void mute(const spot& at) { muted_.push_back(at); }

  bool has_errors() const noexcept { return errors_ > 0; }
  /// In the order of their places, the texts in the order they were read; at most 20 errors.
  std::vector<diagnostic> take();

 private:
  diagnostic& add(diagnostic::severity level, const spot& at, complaint trouble);
  std::size_t order_of(const std::string& source) const;

  std::vector<diagnostic> entries_;
  std::vector<std::string> sources_;
  std::size_t errors_ = 0;
  std::vector<spot> muted_;
  diagnostic left_out_;  ///< the last error at a muted place
};

}  // namespace sluice::conf
