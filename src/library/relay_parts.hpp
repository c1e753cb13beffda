#pragma once

#include <cstdint>

#include "sluice/relay.hpp"

#include "library/pool_parts.hpp"
#include "loop/edge_set.hpp"
#include "relay/counters.hpp"
#include "relay/relay.hpp"
#include "sys/socket_loan.hpp"

namespace sluice::zero_copy {

/// A relay of src/relay without a worker around it: the caller's waits take the place of the edge set, the caller's
/// sockets are put back as they were.
class relay::parts {
 public:
  parts(pipe_pool::parts& pool, int client, int backend, const relay_options& options);
  ~parts();
  parts(const parts&) = delete;
  parts& operator=(const parts&) = delete;

  /// Without a guard against SIGPIPE.
  relay_status step(std::int64_t now) noexcept;
  relay_status guarded_step(std::int64_t now) noexcept;
  /// A call may have raised SIGPIPE.
  bool met_error() const noexcept;
  bool guards_sigpipe() const noexcept { return options_.guards_sigpipe; }

  std::array<wait_interest, 2> waits_for() const noexcept;
  void ready(int descriptor, std::uint32_t events) noexcept;
  /// loop::never: no need.
  std::int64_t due() const noexcept;
  std::int64_t last_move() const noexcept { return moves_.last_move(); }
  void close_cached_pipes() noexcept { pool_.pipes.close_cached(); }

  relay_result result() const noexcept;

 private:
  const sys::socket_loan& loan(loop::side which) const noexcept {
    return which == loop::side::client ? client_ : backend_;
  }
  wait_interest interest(loop::side which) const noexcept;
  void look() noexcept;
  void let_go() noexcept;
  void end() noexcept;

  pipe_pool::parts& pool_;
  relay_options options_;
  sys::socket_loan client_;
  sys::socket_loan backend_;
  sluice::relay::relay_settings settings_;
  sluice::relay::counters counts_;
  sluice::relay::relay moves_{loop::edge_token{}};
  sluice::relay::relay_context context_;
  std::array<std::uint32_t, 2> told_{};  ///< since the last step, for the next one: it knows the time
  std::array<bool, 2> hung_up_{};        ///< told of ERR or HUP, which a level-triggered wait never stops telling
  int error_ = 0;
  bool in_doubt_ = false;
  bool ended_ = false;
  bool could_begin_ = false;
};

}  // namespace sluice::zero_copy
