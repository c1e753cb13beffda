#include "sluice/config_load.hpp"

#include "sys/own_address.hpp"

namespace sluice {

bool is_own_address(const std::string& literal) {
  const auto address = sys::socket_address::from_literal(literal, 0);
  return address && sys::is_own_address(*address);
}

}  // namespace sluice
