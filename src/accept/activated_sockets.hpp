#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "accept/listening_socket.hpp"
#include "sys/activation.hpp"

namespace sluice::accept {

/// The descriptors of socket activation, handed out to the listeners they are for: first by name, then by address.
/// Thread: whoever starts the program.
class activated_sockets {
 public:
  explicit activated_sockets(sys::passed_descriptors passed);

  /// Every listening descriptor of that name. A socket unit with several addresses gives all of them one name.
  std::vector<sys::passed_descriptor> take_named(std::string_view name);
  /// Every listening descriptor that is bound to what a listener would bind: its address, the file of its path, or, for
  /// a dual-stack one, any wildcard address of its port.
  std::vector<sys::passed_descriptor> take_bound(const listen_spec& wanted);

  /// Why there is nothing of that name: what has it but cannot be listened on, or what was passed instead.
  std::string why_none_named(std::string_view name) const;
  /// The listening descriptor that keeps others from an address ("fd 3, `web`, [::]:80"); empty if none does.
  std::string what_blocks(const sys::socket_address& address) const;
  /// One line for each descriptor that nobody took, and for what was wrong with the variables.
  std::vector<std::string> complaints() const;

 private:
  template <typename Fits>
  std::vector<sys::passed_descriptor> take(Fits fits);

  sys::passed_descriptors passed_;
};

/// Makes a descriptor that was passed the listening socket of a spec. Its address, backlog, mode and owner are those
/// whoever opened it gave it; the options are the spec's, whatever an earlier process left.
listening_socket adopt(sys::passed_descriptor&& passed, const listen_spec& spec);

}  // namespace sluice::accept
