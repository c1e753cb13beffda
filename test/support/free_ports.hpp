#pragma once

#include <cstdint>
#include <string>

namespace sluice::support {

/// The first of `count` ports in a row that nobody uses, outside the range from which the kernel picks ports, so that
/// no client takes them meanwhile.
std::uint16_t free_ports(std::uint16_t count = 1);

/// "127.0.0.1:PORT" of a free port.
std::string free_address();

}  // namespace sluice::support
