#include "server/name_watch.hpp"

#include <utility>

namespace sluice::server {
namespace {

address_list addresses_of(const address& target) {
  std::optional<sys::socket_address> known;
  switch (target.type) {
    case address::kind::tcp: known = sys::socket_address::from_literal(target.host, 0); break;
    case address::kind::unix_path: known = sys::socket_address::from_unix_path(target.path); break;
    case address::kind::unix_abstract: known = sys::socket_address::from_unix_abstract(target.path); break;
  }
  return known ? address_list{*known} : address_list{};
}

bool is_name(const backend& one) {
  return one.target.type == address::kind::tcp && !sys::socket_address::from_literal(one.target.host, 0);
}

}  // namespace

std::shared_ptr<const snapshot> make_routes(const config& settings) {
  auto routes = std::make_shared<snapshot>();
  for (const service_config& one : settings.services) {
    service_view view{std::make_shared<service>(one), {}};
    for (const auto& target : view.object->backends) view.addresses.push_back(addresses_of(target->target));
    routes->push_back(std::move(view));
  }
  return routes;
}

name_watch::name_watch(boost::asio::io_context& io, const dns_config& settings, std::shared_ptr<const snapshot> routes,
                       log::logger& log, publisher publish)
    : io_(io), settings_(settings), routes_(std::move(routes)), log_(log), publish_(std::move(publish)) {
  for (const service_view& view : *routes_)
    for (const auto& one : view.object->backends)
      if (is_name(*one)) unanswered_.insert(one->target.host);
  if (!unanswered_.empty()) resolver_ = std::make_unique<connect::resolver>(io_, settings_);
}

void name_watch::start(std::function<void()> on_first_answers) {
  if (unanswered_.empty()) {
    on_first_answers();
    return;
  }
  on_first_answers_ = std::move(on_first_answers);
  for (const std::string& name : std::set<std::string>(unanswered_))
    resolver_->follow(name, [this](const connect::resolution& answer) { on_answer(answer); });
}

void name_watch::on_answer(const connect::resolution& answer) {
  if (!answer.error.empty())
    log_.message(log_level::warning, "cannot resolve " + answer.name + ": " + answer.error +
                                         (answer.addresses.empty() ? "" : "; keeping the last good answer"));
  auto changed = std::make_shared<snapshot>(*routes_);
  for (service_view& view : *changed)
    for (std::size_t i = 0; i < view.addresses.size(); ++i) {
      const backend& one = *view.object->backends[i];
      if (is_name(one) && one.target.host == answer.name) view.addresses[i] = answer.addresses;
    }
  routes_ = std::move(changed);
  publish_(routes_);
  if (unanswered_.erase(answer.name) > 0 && unanswered_.empty()) std::exchange(on_first_answers_, nullptr)();
}

}  // namespace sluice::server
