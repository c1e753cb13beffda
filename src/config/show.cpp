#include "config/show.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "config/keys.hpp"
#include "config/overrides.hpp"

namespace sluice::conf {
namespace {

constexpr std::string_view bare_characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

/// A key as it must be written; keys of [forward] go through ${} expansion like texts do, others don't.
std::string written_key(const std::string& key, bool expands) {
  if (!key.empty() && key.find_first_not_of(bare_characters) == std::string::npos) return key;
  std::string text = toml_text(key);
  if (expands) return text;
  for (std::size_t at = text.find("$${"); at != std::string::npos; at = text.find("$${", at + 2)) text.erase(at, 1);
  return text;
}

class shower {
 public:
  shower(loaded& all, bool origins) : all_(all), origins_(origins) {}

  std::string text() {
    line("version = 1", "");
    show_section("defaults");
    for (const std::string_view section : {"dns", "drain", "log", "limits"}) show_section(section);
    show_forwards();
    for (const service_config& service : all_.settings.services) {
      if (!all_.forwarded.contains(service.name)) show_service(service);
    }
    return std::move(text_);
  }

 private:
  void line(const std::string& content, const std::string& origin) {
    text_ += content;
    if (origins_ && !origin.empty()) {
      text_ += "  # ";
      // A path may hold anything; a comment may not hold a line end.
      for (const char c : origin) text_ += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
    }
    text_ += '\n';
  }

  std::string origin_of(const std::string& key) const {
    const auto found = all_.origins.find(key);
    return found == all_.origins.end() ? "default" : found->second;
  }

  void show_section(std::string_view section) {
    line("\n[" + std::string(section) + "]", "");
    const std::string prefix = std::string(section) + '.';
    for (const config_key& key : config_keys()) {
      if (!key.name.starts_with(prefix)) continue;
      line(key.name.substr(prefix.size()) + " = " + print(find_target(key.name, all_)->value), origin_of(key.name));
    }
  }

  void show_forwards() {
    if (all_.forwarded.empty()) return;
    line("\n[forward]", "");
    for (const service_config& service : all_.settings.services) {
      if (!all_.forwarded.contains(service.name)) continue;
      line(written_key(service.name, true) + " = " + toml_text(to_string(service.backends.front().target)),
           to_string(service.where));
    }
  }

  void show_service(const service_config& service) {
    line("\n[service." + written_key(service.name, false) + ']', to_string(service.where));
    line("listen = [", "");
    for (const listener_config& listener : service.listeners)
      line("  " + listener_text(listener) + ',', to_string(listener.where));
    line("]", "");
    show_backends(service);
    service_config copy = service;
    for (const service_row& row : service_rows()) {
      const std::string name = "service." + service.name + '.' + std::string(row.name);
      if (!all_.origins.contains(name)) continue;
      line(std::string(row.name) + " = " + print(row.find(copy)), origin_of(name));
    }
  }

  void show_backends(const service_config& service) {
    const std::string file = "service." + service.name + ".backends_file";
    if (!service.backends_file.empty()) line("backends_file = " + toml_text(service.backends_file), origin_of(file));
    std::vector<const backend_config*> listed;
    for (const backend_config& backend : service.backends)
      if (!backend.from_file) listed.push_back(&backend);
    if (listed.empty()) return;
    line("backends = [", "");
    for (const backend_config* backend : listed) line("  " + backend_text(*backend) + ',', to_string(backend->where));
    line("]", "");
  }

  static std::string listener_text(const listener_config& listener) {
    const listener_config usual;
    const std::string address = toml_text(to_string(listener.listen));
    if (listener.mode == usual.mode && listener.owner == usual.owner) return address;
    std::string mode = "0";
    for (int shift = 6; shift >= 0; shift -= 3) mode += static_cast<char>('0' + ((listener.mode >> shift) & 7U));
    const std::string owner = listener.owner.empty() ? "" : ", owner = " + toml_text(listener.owner);
    return "{ address = " + address + ", mode = \"" + mode + '"' + owner + " }";
  }

  static std::string backend_text(const backend_config& backend) {
    const std::string address = toml_text(to_string(backend.target));
    backend_config usual;
    backend_config copy = backend;
    std::string keys;
    for (const backend_row& row : backend_rows()) {
      const std::string value = print(row.find(copy));
      if (value != print(row.find(usual))) keys += ", " + std::string(row.name) + " = " + value;
    }
    return keys.empty() ? address : "{ address = " + address + keys + " }";
  }

  loaded& all_;
  bool origins_;
  std::string text_;
};

}  // namespace

std::string show(loaded& all, bool origins) { return shower(all, origins).text(); }

}  // namespace sluice::conf
