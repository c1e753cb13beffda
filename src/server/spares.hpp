#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "accept/admission.hpp"
#include "loop/edge_set.hpp"
#include "server/counters.hpp"
#include "server/service.hpp"
#include "sys/socket.hpp"

namespace sluice::server {

/// How many of a backend's `total` spares a worker keeps: those of all workers add up to it exactly. `member` is its
/// index in the service, so that what does not divide evenly is not always the first worker's.
std::uint32_t share_of_spares(std::uint32_t total, std::size_t worker, std::size_t workers,
                              std::size_t member) noexcept;

/// Connections to backends that are ready before there is a client for them: a worker's part of a service's `warm`.
/// They stand in the worker's edge set, so that one which its backend closes is noticed and replaced at once. What a
/// backend says first waits in the kernel for the client.
///
/// A spare that can't be made is tried again after 100 ms, doubled each time, at most 10 s, at the backend's next
/// address; so is one that its backend closes within a second. Thread: its worker's.
class spares {
 public:
  /// What spares need of their worker; all of it outlives them.
  struct place_of_work {
    loop::edge_set& edges;
    accept::admission& allowed;  ///< of all workers: those that the descriptors were counted for
    worker_counters& counts;
    sys::local_ports local_ports;
    std::size_t worker;
  };
  struct taken {
    sys::unique_fd fd;  ///< none: there was no spare
    sys::socket_address address;
  };

  explicit spares(const place_of_work& at) noexcept : at_(at) {}

  /// Backends and their addresses are now these: what goes elsewhere is closed, what is missing is made.
  void follow(const snapshot& routes, std::size_t workers);
  /// One that was alive a moment ago, watched for its session from now on; the kernel tells anew what it has.
  taken take(const backend& of, loop::edge_token as) noexcept;
  void on_edges(loop::edge_token token, std::uint32_t edges, loop::time_ns now) noexcept;
  /// Makes what is missing, gives up what is too old or does not answer.
  void run(loop::time_ns now) noexcept;
  /// When to run again; never if there are none.
  loop::time_ns due() const noexcept { return missing_.empty() ? look_at_ : 0; }
  /// Closes all, for good.
  void stop() noexcept;

 private:
  struct pool {
    std::shared_ptr<service> whose;
    std::shared_ptr<backend> of;
    address_list addresses;  ///< with their ports
    std::uint32_t wanted = 0;
    std::vector<std::uint32_t> members;  ///< indices in places_, the newest last; room for `wanted`
    loop::time_ns next_try = 0;
    std::uint32_t failures = 0;  ///< in a row
    bool is_missing = false;     ///< in missing_
    bool is_current = false;
  };
  enum class state : std::uint8_t { free, connecting, ready };
  struct place {
    sys::unique_fd fd;
    accept::permit permit;
    sys::socket_address address;
    pool* of = nullptr;
    loop::time_ns since = 0;
    loop::time_ns due = loop::never;  ///< when to give it up
    std::uint32_t generation = 0;
    state now_is = state::free;
  };

  void follow(const service_view& view, std::size_t member, std::size_t workers);
  void miss(pool& one) noexcept;
  void fill(pool& one, loop::time_ns now) noexcept;
  bool make(pool& one, loop::time_ns now) noexcept;
  void connected(std::uint32_t index, loop::time_ns now) noexcept;
  void failed(pool& one, loop::time_ns now) noexcept;
  void release(std::uint32_t index) noexcept;
  void look(loop::time_ns now) noexcept;
  loop::edge_token token_of(std::uint32_t index) const noexcept;

  place_of_work at_;
  std::map<const backend*, std::unique_ptr<pool>> pools_;
  std::vector<place> places_;
  std::vector<std::uint32_t> free_;  ///< room for all places
  std::vector<pool*> missing_;       ///< have fewer than wanted and may try; room for all pools
  loop::time_ns look_at_ = loop::never;
  bool stopped_ = false;
};

}  // namespace sluice::server
