#include "server/choosers.hpp"

namespace sluice::server {

void choosers::renew(std::vector<std::unique_ptr<balance::chooser>> fresh) {
  all_.resize(fresh.size());
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    if (fresh[i]) all_[i].chooses = std::move(fresh[i]);
  }
}

}  // namespace sluice::server
