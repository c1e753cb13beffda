#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sluice/config.hpp"

#include "accept/admission.hpp"
#include "balance/backend_state.hpp"
#include "balance/chooser.hpp"
#include "balance/retry_budget.hpp"
#include "loop/deadline_wheel.hpp"
#include "relay/relay.hpp"
#include "server/wait_queue.hpp"
#include "sys/file.hpp"
#include "sys/socket.hpp"

namespace sluice::server {

/// One backend as sessions, logs and counters know it: the same object whenever its name comes back, whatever
/// snapshots come and go. Thread: any.
struct backend {
  explicit backend(const address& to) : name(to_string(to)), target(to) {}

  const std::string name;  ///< "db.internal:5432" as written, or an address that was discovered
  const address target;
  balance::backend_state state;
};

struct service_view;

/// One service: what its sessions need, computed once. Thread: any.
struct service {
  /// Throws startup_error if the file of its reply cannot be opened.
  explicit service(const service_config& settings);

  const std::string name;
  const service_config settings;
  const relay::relay_settings relaying;
  const sys::side_options client_options;
  const sys::side_options backend_options;
  const loop::time_ns latency_decay;  ///< of what is measured of its backends; 0: no policy goes by it, and nothing is
  const sys::open_file reply;         ///< what clients get when no backend can be had; none: they are reset
  const bool may_queue;               ///< somebody may ever wait in the queue
  accept::admission sessions;
  balance::retry_budget retries;
  wait_queue queue;

  /// The object for this target, made where there was none: counters live on when a backend comes back. Thread: the
  /// control thread's.
  std::shared_ptr<backend> backend_of(const address& target);
  /// One worker's chooser over the members of a view of this service; what the workers share is made once a roster.
  /// Thread: the control thread's.
  std::unique_ptr<balance::chooser> make_chooser(const service_view& view, std::size_t worker);

  struct lookup {
    bool is_there = false;
    backend* one = nullptr;  ///< if it was taken out
  };
  /// Takes a backend of which nobody knows and that has no session off the list: its name makes another object from now
  /// on. departed_backends knows when it may be freed. Thread of both: the control thread's.
  lookup take_out(const std::string& backend_name);
  void free(const backend* taken_out);
  /// Backends that are held, those that were taken out included.
  std::size_t held() const noexcept { return backends_.size() + taken_out_.size(); }

  /// Changes with the health of any backend.
  std::uint64_t health_epoch() const noexcept { return health_epoch_.load(std::memory_order_relaxed); }
  void backend_is_gone() noexcept { health_epoch_.fetch_add(1, std::memory_order_relaxed); }
  void backend_is_back() noexcept {
    health_epoch_.fetch_add(1, std::memory_order_seq_cst);
    queue.call_all();
  }

  /// How long a session may live, in nanoseconds; `chance` is its own. 0: for ever.
  loop::time_ns lifetime_for(std::uint64_t chance) const noexcept;

  /// Whether clients send before they are sent anything, as far as the last few sessions tell.
  bool clients_speak_first() const noexcept { return silent_.load(std::memory_order_relaxed) < enough_silent; }
  void note_first_word(bool spoke) noexcept {
    const std::uint32_t before = silent_.load(std::memory_order_relaxed);
    const std::uint32_t after = spoke ? 0 : std::min(before + 1, enough_silent);
    // Workers share the cache line, and it nearly never changes.
    if (after != before) silent_.store(after, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> health_epoch_{0};
  std::map<std::string, std::shared_ptr<backend>> backends_;  ///< by name: also those that left
  std::vector<std::shared_ptr<backend>> taken_out_;
  std::shared_ptr<const balance::chooser_plan> plan_;  ///< for planned_roster_; none before the first
  std::uint64_t planned_roster_ = 0;
  static constexpr std::uint32_t enough_silent = 8;
  std::atomic<std::uint32_t> silent_{enough_silent};  ///< sessions in a row whose client waited for the backend
};

/// Where a backend can be reached now, port 0; empty while its name was never resolved.
using address_list = std::vector<sys::socket_address>;

/// A backend that a service has now, with what may change while it stays the same backend.
struct member {
  std::shared_ptr<backend> object;
  address_list addresses;
  std::uint32_t weight = 1;
  std::uint32_t max_connections = 0;  ///< sessions at a time; 0: any number
  std::uint32_t priority = 0;         ///< less is preferred
  bool backup = false;
};

/// A service and its backends of now; policies know them by their index here.
struct service_view {
  std::shared_ptr<service> object;
  std::vector<member> members;
  std::uint64_t roster = 0;  ///< changes with the members and how they may be chosen: policies are then made anew
};

/// What workers go by: made by the control thread, never changed, exchanged as a whole.
using snapshot = std::vector<service_view>;

/// What a listener's clients are for. Its index is the listener's tag.
struct entrance {
  std::uint32_t service = 0;      ///< index in the snapshot
  std::uint32_t port_offset = 0;  ///< within the listener's range: the same offset in the target's range
  std::string name;               ///< "0.0.0.0:9001", "unix:/run/app.sock"
  bool one_owner = false;         ///< one worker has the listener and shares the clients out
  bool is_wildcard = false;       ///< the address a client reached has to be asked for
  sys::socket_address address;
};

/// The port of a target for a client that came in at port_offset: ranges run side by side, a single port serves all.
std::uint16_t target_port(const address& target, std::uint32_t port_offset) noexcept;

}  // namespace sluice::server
