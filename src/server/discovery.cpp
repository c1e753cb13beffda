#include "server/discovery.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "config/backends_file.hpp"
#include "config/read_file.hpp"
#include "server/manager_status.hpp"

namespace sluice::server {
namespace {

connect::refresh_rules rules_of(const dns_config& settings) {
  connect::refresh_rules rules;
  rules.ttl_floor = settings.ttl_min;
  rules.ttl_ceiling = settings.ttl_max;
  rules.empty_applies = settings.empty == empty_answer::apply;
  return rules;
}

/// As followed_ calls it.
std::string name_in(const address& target) {
  return target.type == address::kind::srv ? to_string(target) : target.host;
}

/// On one line: the first that is wrong, and how much more there is.
std::string summary_of(const std::vector<diagnostic>& found) {
  const diagnostic& first = found.front();
  std::string text = to_string(first.where) + ": " + first.text;
  if (!first.hint.empty()) text += " (" + first.hint + ')';
  if (found.size() > 1) text += "; and " + std::to_string(found.size() - 1) + " more";
  return text;
}

std::size_t digest_of(const std::string& text) { return std::hash<std::string>{}(text); }

}  // namespace

discovery::discovery(boost::asio::io_context& io, const config& settings, std::shared_ptr<const snapshot> routes,
                     log::logger& log, listeners tell)
    : settings_(settings),
      routes_(std::move(routes)),
      log_(log),
      tell_(std::move(tell)),
      loops_of_literals_(settings.services, {}),
      io_(io) {
  bool wants_names = false;
  for (const service_config& one : settings_.services) {
    origins_.push_back({one.backends, nullptr, 0, false});
    wants_names = wants_names || !one.backends_file.empty() ||
                  std::any_of(one.backends.begin(), one.backends.end(),
                              [](const backend_config& line) { return is_name(line.target); });
  }
  loops_of_literals_ = find_loops_of_literals();
  if (wants_names) resolver_ = std::make_unique<connect::resolver>(io, settings_.dns, rules_of(settings_.dns));
}

void discovery::start(std::function<void()> on_first_answers) {
  on_first_answers_ = std::move(on_first_answers);
  for (std::size_t at = 0; at < origins_.size(); ++at) {
    const std::string& path = settings_.services[at].backends_file;
    if (path.empty()) continue;
    origins_[at].file = std::make_unique<file_watch>(io_, path, [this, at] { on_file(at); });
    on_file(at);  // it may have changed since the configuration was read
  }
  follow_names();
  if (followed_.empty()) std::exchange(on_first_answers_, nullptr)();
}

/// Follows what the services name now, and nothing else.
void discovery::follow_names() {
  std::map<std::string, const address*> wanted;
  for (const origin& one : origins_)
    for (const backend_config& line : one.lines)
      if (is_name(line.target)) wanted.emplace(name_in(line.target), &line.target);
  std::erase_if(followed_, [&](const auto& entry) {
    if (wanted.contains(entry.first)) return false;
    resolver_->unfollow(entry.second);
    answers_.names.erase(entry.first);
    std::erase_if(answers_.services, [&](const auto& known) { return "srv+" + known.first == entry.first; });
    return true;
  });
  for (const auto& [name, target] : wanted) {
    if (followed_.contains(name)) continue;
    if (target->type == address::kind::srv) {
      followed_[name] = resolver_->follow_srv(target->host, [this](const connect::srv_resolution& answer) {
        on_answer("the SRV records of " + answer.name, answer, answers_.services);
      });
    } else {
      followed_[name] = resolver_->follow(
          name, [this](const connect::resolution& answer) { on_answer(answer.name, answer, answers_.names); });
    }
  }
}

template <typename Answer>
void discovery::on_answer(const std::string& what, const Answer& answer, std::map<std::string, Answer>& known) {
  if (!answer.error.empty()) {
    const bool kept = answer != Answer{answer.name, {}, answer.stale, answer.error};
    report_trouble("cannot resolve " + what + ": " + answer.error + (kept ? "; keeping the last good answer" : ""));
  }
  known[answer.name] = answer;
  rebuild();
  if (on_first_answers_ && answers_.names.size() + answers_.services.size() == followed_.size())
    std::exchange(on_first_answers_, nullptr)();
}

bool discovery::is_answered(const origin& one) const {
  return std::all_of(one.lines.begin(), one.lines.end(), [&](const backend_config& line) {
    if (!is_name(line.target)) return true;
    return line.target.type == address::kind::srv ? answers_.services.contains(line.target.host)
                                                  : answers_.names.contains(line.target.host);
  });
}

/// The file has changed, or gone. One that is wrong, or missing, changes nothing.
void discovery::on_file(std::size_t at) {
  origin& one = origins_[at];
  const service_config& of = settings_.services[at];
  const conf::file_result file = conf::read_regular_file(of.backends_file);
  const bool was_missing = std::exchange(one.is_missing, file.is_missing);
  if (!file.trouble.empty()) {
    if (!was_missing || !file.is_missing)
      report_trouble("cannot read " + of.backends_file + ": " + file.trouble + "; service " + of.name +
                     " keeps its backends");
    return;
  }
  if (std::exchange(one.digest, digest_of(file.text)) == one.digest) return;
  const conf::backends_result read = conf::load_backends(settings_, at, file.text, is_own_address);
  if (!read.ok()) {
    report_trouble("not applied, service " + of.name + " keeps its backends: " + summary_of(read.diagnostics));
    return;
  }
  std::vector<backend_config> lines;
  std::copy_if(of.backends.begin(), of.backends.end(), std::back_inserter(lines),
               [](const backend_config& line) { return !line.from_file; });
  lines.insert(lines.end(), read.backends.begin(), read.backends.end());
  one.lines = std::move(lines);
  loops_of_literals_ = find_loops_of_literals();
  log_.message(log_level::info,
               of.backends_file + ": " + count_of(read.backends.size(), "backend") + " for service " + of.name);
  follow_names();
  rebuild();
}

conf::loop_finder discovery::find_loops_of_literals() const {
  conf::loop_finder loops(settings_.services, is_own_address);
  for (std::size_t at = 0; at < origins_.size(); ++at)
    for (const backend_config& line : origins_[at].lines)
      if (!is_name(line.target)) loops.add(at, line.target);
  return loops;
}

/// A service whose names are not all answered once keeps what it has: a list of new names must not leave it with
/// nobody while they are looked up.
void discovery::rebuild() {
  const std::shared_ptr<const snapshot> before = routes_;
  auto changed = std::make_shared<snapshot>(*before);
  conf::loop_finder loops = loops_of_literals_;
  std::set<std::string> refused;
  for (std::size_t at = 0; at < origins_.size(); ++at) {
    if (!is_answered(origins_[at])) continue;
    service_view& view = (*changed)[at];
    std::vector<member> members = members_of(at, loops, refused);
    if (!is_same_roster(view.members, members)) ++view.roster;
    view.members = std::move(members);
  }
  routes_ = std::move(changed);
  tell_.publish(routes_);
  for (const std::string& text : refused)
    if (!refused_.contains(text)) report_trouble(text);
  refused_ = std::move(refused);
  tell_changes(*before);
}

/// Without the addresses that names have and that are sluice itself: a configuration with them would not be accepted.
std::vector<member> discovery::members_of(std::size_t at, conf::loop_finder& loops,
                                          std::set<std::string>& refused) const {
  const auto may_use = [&](const backend_config& line, const address& found) {
    const conf::listener_entry* back = loops.way_back(at, found);
    if (back == nullptr) {
      loops.add(at, found);
      return true;
    }
    refused.insert(to_string(line.target) + " of service " + settings_.services[at].name + " leads to " +
                   to_string(found) + ", which is sluice itself (listener " + to_string(back->listen) +
                   "): not used, since sessions would go round for ever");
    return false;
  };
  return make_members(*(*routes_)[at].object, origins_[at].lines, answers_, may_use);
}

void discovery::tell_changes(const snapshot& before) const {
  for (std::size_t at = 0; at < before.size(); ++at) {
    const service_view& now = (*routes_)[at];
    if (now.roster == before[at].roster) continue;
    const auto has = [](const std::vector<member>& all, const member& one) {
      return std::any_of(all.begin(), all.end(), [&](const member& other) { return other.object == one.object; });
    };
    for (const member& one : before[at].members)
      if (!has(now.members, one)) tell_.on_left(*now.object, *one.object);
    const bool serves = !on_first_answers_;
    for (const member& one : now.members)
      if (serves && !has(before[at].members, one)) tell_.on_joined(*now.object, *one.object);
    if (now.members.empty()) report_trouble("service " + now.object->name + " has no backend left");
  }
}

}  // namespace sluice::server
