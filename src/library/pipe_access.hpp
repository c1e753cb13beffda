#pragma once

#include "sluice/pipe.hpp"

#include "relay/pipe_pool.hpp"
#include "sys/stream_io.hpp"

namespace sluice::zero_copy {

/// What the calls on a public pipe need of it.
struct pipe_access {
  static sluice::relay::pipe* of(const pipe& one) noexcept { return one.held_; }
};

inline std::error_code system_error(int error) noexcept { return {error, std::system_category()}; }

inline move_result failed(int error) noexcept { return {move_result::kind::failed, 0, system_error(error)}; }

/// The answer of the layer below as the public one.
move_result as_result(const sys::io_result& moved) noexcept;

}  // namespace sluice::zero_copy
