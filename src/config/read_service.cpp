#include "config/read_service.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "config/address.hpp"
#include "config/backends_file.hpp"
#include "config/check_reply.hpp"
#include "config/in_quotes.hpp"
#include "config/keys.hpp"
#include "config/read_endpoints.hpp"
#include "config/read_keys.hpp"
#include "config/toml_tokens.hpp"

namespace sluice::conf {
namespace {

key_names names_of_service() {
  key_names names;
  names.here = {"listen", "backends", "backends_file"};
  for (const service_row& row : service_rows()) names.here.emplace_back(row.name);
  return names;
}

bool is_name(const std::string& name) {
  return !name.empty() && std::none_of(name.begin(), name.end(),
                                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

void read_service(const member& entry, const source_text& source, loaded& into) {
  static const key_names names = names_of_service();
  report& problems = into.problems;
  const spot at{&source, entry.where};
  if (entry.value.type != node::kind::table) {
    problems.error({&source, entry.value.where}, "bad-type", "a service is a table",
                   "[service." + entry.key + "] on a line of its own, its keys below");
    return;
  }
  if (!is_name(entry.key)) {
    problems.error(at, "bad-value", "this is no name for a service",
                   "it stands in logs and metrics: some letters, no control characters");
    return;
  }
  service_config service;
  static_cast<service_defaults&>(service) = into.defaults;
  service.name = entry.key;
  service.where = at.location();
  service_places places;
  places.where = at;
  places.backend_list = at;
  std::optional<spot> file_at;
  const auto take = [&](const std::string& name, const member& key) {
    if (name == "listen") return read_listeners(key, source, problems, service, places);
    if (name == "backends") return read_backends(key, source, problems, service, places);
    if (name == "backends_file") {
      file_at = {&source, key.value.where};
      std::optional<complaint> trouble = assign(slot(&service.backends_file), key.value, {});
      if (trouble)
        problems.error(*file_at, std::move(*trouble));
      else
        into.origins["service." + service.name + '.' + name] = to_string(file_at->location());
      return;
    }
    const auto row = std::find_if(service_rows().begin(), service_rows().end(),
                                  [&](const service_row& r) { return r.name == name; });
    const spot value{&source, key.value.where};
    if (name.starts_with("health.")) places.health.emplace(name, value);
    if (std::optional<complaint> trouble = assign(row->find(service), key.value, row->limits)) {
      problems.error(value, std::move(*trouble));
    } else {
      if (name == "reply.file") check_reply(service.reply_file, value, problems);
      into.origins["service." + service.name + '.' + name] = to_string(value.location());
    }
  };
  const std::vector<std::string> meant = read_keys(entry.value, source, names, problems, take);
  const auto is_missing = [&](const std::string& name) {
    return entry.value.find(name) == nullptr && std::find(meant.begin(), meant.end(), name) == meant.end();
  };
  if (is_missing("listen")) {
    problems.error(at, "no-listeners", "the service `" + entry.key + "` has no `listen`", R"(write listen = "8080")");
  }
  if (is_missing("backends") && is_missing("backends_file")) {
    problems.error(at, "no-backends", "the service `" + entry.key + "` has no `backends`",
                   R"(write backends = ["10.0.0.5:80"])");
  }
  // Last: those of the file come after those listed here, wherever the keys stand.
  if (file_at && !service.backends_file.empty()) read_backends_file(*file_at, into, service, places);
  into.add_service(std::move(service), std::move(places));
}

struct half {
  std::string text;
  spot at;
};

/// One mapping. What is wrong is said at the half that is wrong.
void add_forward(const half& listen, const half& target, loaded& into) {
  const address_result from = parse_listen(listen.text);
  const address_result to = parse_target(target.text);
  if (!from.value) into.problems.error(listen.at, "bad-address", from.text, from.hint);
  if (!to.value) into.problems.error(target.at, "bad-address", to.text, to.hint);
  if (!from.value || !to.value) return;
  service_config service;
  static_cast<service_defaults&>(service) = into.defaults;
  service.name = into.free_name(listen.text);
  service.where = listen.at.location();
  listener_config listener;
  listener.listen = *from.value;
  listener.where = listen.at.location();
  service.listeners.push_back(std::move(listener));
  backend_config backend;
  backend.target = *to.value;
  backend.where = target.at.location();
  service.backends.push_back(std::move(backend));
  if (service.name == listen.text) into.forwarded.insert(service.name);
  into.add_service(std::move(service), {listen.at, {listen.at}, {target.at}, target.at, true, {}});
}

}  // namespace

void read_services(const member& services, const source_text& source, loaded& into) {
  if (services.value.type != node::kind::table) {
    into.problems.error({&source, services.value.where}, "bad-type", "`service` is a table of services",
                        "[service.NAME] on a line of its own");
    return;
  }
  for (const member& entry : services.value.members) {
    const bool taken = into.free_name(entry.key) != entry.key;
    if (!taken) {
      read_service(entry, source, into);
      continue;
    }
    const auto first = std::find_if(into.settings.services.begin(), into.settings.services.end(),
                                    [&](const service_config& service) { return service.name == entry.key; });
    into.problems
        .error({&source, entry.where}, "duplicate-name", "the name `" + entry.key + "` is taken",
               "a [forward] line is named by its listen address")
        .related.emplace_back(first->where, "taken here");
  }
}

void read_forwards(const member& forward, const source_text& source, loaded& into) {
  if (forward.value.type != node::kind::table) {
    into.problems.error({&source, forward.value.where}, "bad-type", "`forward` is a table of mappings",
                        R"([forward] on a line of its own, below it "8080" = "10.0.0.5:80")");
    return;
  }
  for (const member& line : forward.value.members) {
    const spot at{&source, line.value.where};
    if (line.value.type == node::kind::text) {
      add_forward({line.key, {&source, line.where}}, {line.value.text, at}, into);
    } else {
      const std::string hint = line.value.type == node::kind::array || line.value.type == node::kind::table
                                   ? "several backends or options need a [service.NAME]"
                                   : R"(write HOST:PORT in quotes: "10.0.0.5:80")";
      into.problems.error(at, "bad-type", "a mapping's target is a text", hint);
    }
  }
}

void read_forward_words(const source_text& source, loaded& into) {
  for (std::uint32_t number = 1; number <= source.lines.size(); ++number) {
    const std::string_view word = source.line(number);
    if (word.empty()) continue;
    const std::size_t equals = word.find('=');
    const half listen{std::string(word.substr(0, equals)),
                      {&source, {number, 1, count_characters(word.substr(0, equals))}}};
    if (equals == std::string_view::npos) {
      into.problems.error(listen.at, "bad-value", in_quotes(word) + " is no LISTEN=TARGET", "such as 8080=10.0.0.5:80");
      continue;
    }
    const std::string_view target = word.substr(equals + 1);
    const spot behind{&source, {number, listen.at.where.width + 2, count_characters(target)}};
    add_forward(listen, {std::string(target), behind}, into);
  }
}

}  // namespace sluice::conf
