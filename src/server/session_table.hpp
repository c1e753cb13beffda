#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "server/session.hpp"

namespace sluice::server {

/// How far a scan came: behind so many places, to a session at which it was told to stop, or through the whole table.
enum class scanned : std::uint8_t { some, stopped, all };

/// A worker's sessions by slot. Grows in chunks as clients come, is never sized by a limit; a slot's generation changes
/// with every tenant. Sessions keep their place in memory. Thread: its worker's.
class session_table {
 public:
  /// A new session, not yet begun.
  session& open(worker& home, arrival&& from);

  /// The session a token means, or null if it has left.
  session* find(loop::edge_token token) noexcept {
    if (token.slot / chunk_size >= chunks_.size()) return nullptr;
    place& there = at(token.slot);
    return there.tenant && there.generation == token.generation ? &*there.tenant : nullptr;
  }

  /// Destroys it and frees the slot for the next. Not while it runs, nor while a harvested batch may still name it.
  void close(loop::edge_token token) noexcept;

  std::size_t size() const noexcept { return size_; }

  /// Visits the sessions in the next `most` places from `at` on, which moves with it. Where visit says false, that
  /// session is the first of the next scan.
  template <typename Visit>
  scanned scan(std::uint32_t& at, std::uint32_t most, Visit&& visit) {
    const std::size_t places = chunks_.size() * chunk_size;
    for (; at < places; ++at, --most) {
      if (most == 0) return scanned::some;
      place& one = this->at(at);
      if (one.tenant && !visit(*one.tenant)) return scanned::stopped;
    }
    return scanned::all;
  }

  template <typename Visit>
  void for_each(Visit&& visit) {
    for (auto& part : chunks_)
      for (place& one : part->places)
        if (one.tenant) visit(*one.tenant);
  }

 private:
  static constexpr std::uint32_t chunk_size = 32;

  struct place {
    std::optional<session> tenant;
    std::uint32_t generation = 0;
  };
  struct chunk {
    std::array<place, chunk_size> places;
  };

  place& at(std::uint32_t slot) noexcept { return chunks_[slot / chunk_size]->places[slot % chunk_size]; }

  std::vector<std::unique_ptr<chunk>> chunks_;
  std::vector<std::uint32_t> free_;
  std::size_t size_ = 0;
};

}  // namespace sluice::server
