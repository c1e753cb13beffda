#pragma once

#include <unistd.h>

#include <type_traits>

namespace sluice::sys {

/// A system call as syscall(2) makes it: -1 and errno on failure. In a threaded program libc makes cancellation points
/// of calls like splice and epoll_wait, two locked instructions around each; nobody here cancels a thread, so the calls
/// that a message costs are spared them. Those that open and close descriptors are libc's: ThreadSanitizer has to see
/// them.
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
