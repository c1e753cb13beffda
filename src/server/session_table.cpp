#include "server/session_table.hpp"

#include <utility>

namespace sluice::server {
namespace {

constexpr std::uint32_t generation_mask = 0x7fff'ffffU;

}  // namespace

session& session_table::open(worker& home, arrival&& from) {
  if (free_.empty()) {
    const auto first = static_cast<std::uint32_t>(chunks_.size() * chunk_size);
    // First, so that close() never allocates and a chunk is whole or not there.
    free_.reserve((chunks_.size() + 1) * chunk_size);
    chunks_.push_back(std::make_unique<chunk>());
    for (std::uint32_t slot = first + chunk_size; slot-- > first;) free_.push_back(slot);
  }
  const std::uint32_t slot = free_.back();
  place& empty = at(slot);
  const std::uint32_t generation = (empty.generation + 1) & generation_mask;
  session& opened = empty.tenant.emplace(home, loop::edge_token{slot, generation, loop::side::client}, std::move(from));
  empty.generation = generation;
  free_.pop_back();
  ++size_;
  return opened;
}

void session_table::close(loop::edge_token token) noexcept {
  at(token.slot).tenant.reset();
  free_.push_back(token.slot);
  --size_;
}

}  // namespace sluice::server
