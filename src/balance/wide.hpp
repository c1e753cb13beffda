#pragma once

namespace sluice::balance {

/// Holds the product of any two 64-bit numbers.
__extension__ using wide = unsigned __int128;

}  // namespace sluice::balance
