#include "config/read_endpoints.hpp"

#include <algorithm>
#include <cstdlib>
#include <functional>

#include "config/address.hpp"
#include "config/keys.hpp"
#include "config/read_keys.hpp"
#include "config/slot.hpp"

namespace sluice::conf {
namespace {

/// A reader of one item of a list: returns false if the item is wrong (and reported).
using item_reader = std::function<bool(const node& item)>;

/// One text or table, or a list of them. False if any was wrong.
bool read_list(const node& value, const spot& at, report& problems, const item_reader& read) {
  if (value.type == node::kind::text || value.type == node::kind::table) return read(value);
  if (value.type != node::kind::array) {
    problems.error(at, "bad-type", "an address or a list of addresses is wanted here",
                   R"(such as ["10.0.0.5:80", "10.0.0.6:80"])");
    return false;
  }
  bool good = true;
  for (const node& item : value.items) good = read(item) && good;
  return good;
}

/// The `address` of an item: its text, or the key of its table. nullptr (and reported) if there is none.
const node* address_of(const node& item, const spot& at, report& problems) {
  if (item.type == node::kind::text) return &item;
  if (item.type != node::kind::table) {
    problems.error(at, "bad-type", "an address is wanted here",
                   R"(a text such as "10.0.0.5:80", or a table { address = "..." })");
    return nullptr;
  }
  const member* address = item.find("address");
  if (address == nullptr) {
    problems.error(at, "bad-type", "`address` is missing in this table");
    return nullptr;
  }
  if (address->value.type == node::kind::text) return &address->value;
  problems.error({at.source, address->value.where}, "bad-type", "an address is a text", "in quotes");
  return nullptr;
}

bool read_mode(const node& value, const spot& at, report& problems, std::uint32_t& mode) {
  const std::string hint = R"(write the octal permission bits in quotes: "0660")";
  if (value.type != node::kind::text) {
    problems.error(at, "bad-type", "a mode is a text", hint);
    return false;
  }
  const bool octal = value.text.size() >= 3 && value.text.size() <= 4 &&
                     std::all_of(value.text.begin(), value.text.end(), [](char c) { return c >= '0' && c <= '7'; });
  const unsigned long bits = octal ? std::strtoul(value.text.c_str(), nullptr, 8) : 0;
  if (!octal || bits > 0777) {
    problems.error(at, "bad-value", "\"" + value.text + "\" is no mode", hint);
    return false;
  }
  mode = static_cast<std::uint32_t>(bits);
  return true;
}

bool read_owner(const node& value, const spot& at, report& problems, std::string& owner) {
  const bool is_text = value.type == node::kind::text;
  const bool usable = is_text && !value.text.empty() && value.text != ":" &&
                      std::count(value.text.begin(), value.text.end(), ':') <= 1 && !value.text.ends_with(':') &&
                      value.text.find_first_of(" \t\r\n/") == std::string::npos;
  if (!usable) {
    problems.error(at, is_text ? "bad-value" : "bad-type", "this is no owner",
                   R"(write "user", "user:group" or ":group")");
    return false;
  }
  owner = value.text;
  return true;
}

/// The keys of a listener's table beside `address`.
bool read_listener_table(const node& item, const source_text& source, report& problems, listener_config& listener) {
  static const key_names names{{"address", "mode", "owner"}, {}};
  bool good = true;
  read_keys(item, source, names, problems, [&](const std::string& name, const member& entry) {
    if (name == "address") return;
    const spot at{&source, entry.value.where};
    if (listener.listen.type != address::kind::unix_path) {
      problems.error({&source, entry.where}, "bad-value", "`" + name + "` is for unix: paths",
                     "a TCP or abstract address has no file");
      good = false;
    } else {
      good = (name == "mode" ? read_mode(entry.value, at, problems, listener.mode)
                             : read_owner(entry.value, at, problems, listener.owner)) &&
             good;
    }
  });
  return good;
}

/// A key of a backend's table that such an address can't have.
std::optional<complaint> unfit(const std::string& name, const address& target) {
  const bool is_srv = target.type == address::kind::srv;
  if (name == "weight" && is_srv)
    return complaint{"bad-value", "SRV records have weights themselves", "leave `weight` out"};
  if (name == "priority" && is_srv)
    return complaint{"bad-value", "SRV records have priorities themselves", "leave `priority` out"};
  const bool is_name = is_srv || (target.type == address::kind::tcp && !canonical_literal(target.host));
  if (name == "resolve" && !is_name)
    return complaint{"bad-value", to_string(target) + " is no name", "`resolve` is for names: leave it out"};
  return std::nullopt;
}

key_names names_of_backend() {
  key_names names;
  names.here = {"address"};
  for (const backend_row& row : backend_rows()) names.here.emplace_back(row.name);
  return names;
}

}  // namespace

void read_listeners(const member& entry, const source_text& source, report& problems, service_config& service,
                    service_places& places) {
  if (entry.value.type == node::kind::array && entry.value.items.empty()) {
    problems.error({&source, entry.value.where}, "no-listeners", "the service listens nowhere",
                   R"(write listen = "8080")");
    places.complete = false;
    return;
  }
  const auto read = [&](const node& item) {
    const node* text = address_of(item, {&source, item.where}, problems);
    if (text == nullptr) return false;
    const spot at{&source, text->where};
    const address_result parsed = parse_listen(text->text);
    if (!parsed.value) {
      problems.error(at, "bad-address", parsed.text, parsed.hint);
      return false;
    }
    listener_config listener;
    listener.listen = *parsed.value;
    listener.where = at.location();
    const bool good = item.type == node::kind::text || read_listener_table(item, source, problems, listener);
    service.listeners.push_back(std::move(listener));
    places.listeners.push_back(at);
    return good;
  };
  places.complete = read_list(entry.value, {&source, entry.value.where}, problems, read) && places.complete;
}

void read_backends(const member& entry, const source_text& source, report& problems, service_config& service,
                   service_places& places) {
  places.backend_list = {&source, entry.value.where};
  if (entry.value.type == node::kind::array && entry.value.items.empty()) {
    problems.error(places.backend_list, "no-backends", "the service has no backends",
                   R"(write backends = ["10.0.0.5:80"])");
    places.complete = false;
    return;
  }
  static const key_names names = names_of_backend();
  const auto read = [&](const node& item) {
    const node* text = address_of(item, {&source, item.where}, problems);
    if (text == nullptr) return false;
    const spot at{&source, text->where};
    const address_result parsed = parse_target(text->text);
    backend_config backend;
    bool good = parsed.value.has_value();
    if (good)
      backend.target = *parsed.value;
    else
      problems.error(at, "bad-address", parsed.text, parsed.hint);
    backend.where = at.location();
    if (item.type == node::kind::table) {
      read_keys(item, source, names, problems, [&](const std::string& name, const member& key) {
        if (name == "address") return;
        const auto row = std::find_if(backend_rows().begin(), backend_rows().end(),
                                      [&](const backend_row& r) { return r.name == name; });
        std::optional<complaint> trouble = assign(row->find(backend), key.value, row->limits);
        if (!trouble && good) trouble = unfit(name, backend.target);
        if (!trouble) return;
        good = false;
        problems.error({&source, key.value.where}, std::move(*trouble));
      });
    }
    if (!good) return false;
    service.backends.push_back(std::move(backend));
    places.backends.push_back(at);
    return true;
  };
  places.complete = read_list(entry.value, places.backend_list, problems, read) && places.complete;
}

}  // namespace sluice::conf
