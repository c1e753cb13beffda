#pragma once

#include <unistd.h>

#include <type_traits>

namespace sluice::sys {

/// A system call as syscall(2) makes it: -1 and errno on failure. In a threaded program libc makes cancellation points
/// of calls like splice, accept4 and close, two locked instructions around each; nobody here cancels a thread, so the
/// calls of the hot path are spared them.
template <typename... Argument>
long call(long number, Argument... arguments) noexcept {
  const auto word = []<typename Value>(Value value) noexcept {
    if constexpr (std::is_pointer_v<Value>) {
      return reinterpret_cast<long>(value);
    } else {
      return static_cast<long>(value);
    }
  };
  return ::syscall(number, word(arguments)...);
}

}  // namespace sluice::sys
