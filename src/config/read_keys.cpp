#include "config/read_keys.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "config/nearest.hpp"

namespace sluice::conf {
namespace {

/// What other programs call our keys.
struct other_word {
  std::string_view theirs;
  std::string_view ours;
};
constexpr std::array<other_word, 10> other_words{{{"bind", "listen"},
                                                  {"port", "listen"},
                                                  {"upstream", "backends"},
                                                  {"upstreams", "backends"},
                                                  {"servers", "backends"},
                                                  {"server", "backends"},
                                                  {"targets", "backends"},
                                                  {"target", "backends"},
                                                  {"policy", "balance"},
                                                  {"algorithm", "balance"}}};

std::string last_part(const std::string& name) { return name.substr(name.rfind('.') + 1); }

/// The names that may stand directly below the prefix ("timeouts." -> "connect", "idle", ...).
std::vector<std::string> siblings_of(const std::string& prefix, const std::vector<std::string>& names) {
  std::vector<std::string> result;
  for (const std::string& name : names) {
    if (!name.starts_with(prefix)) continue;
    std::string part = name.substr(prefix.size(), name.find('.', prefix.size()) - prefix.size());
    if (std::find(result.begin(), result.end(), part) == result.end()) result.push_back(std::move(part));
  }
  return result;
}

std::string with_last_part(const std::string& key, const std::vector<std::string>& names) {
  const auto same =
      std::find_if(names.begin(), names.end(), [&](const std::string& name) { return last_part(name) == key; });
  return same == names.end() ? std::string() : *same;
}

/// The name that an unknown key seems to mean, as it would stand in its place; empty if there is none.
std::string meant_by(const std::string& key, const std::string& prefix, const key_names& names) {
  const std::vector<std::string> siblings = siblings_of(prefix, names.here);
  const auto renamed = std::find_if(other_words.begin(), other_words.end(), [&](const other_word& entry) {
    return entry.theirs == key && std::find(siblings.begin(), siblings.end(), entry.ours) != siblings.end();
  });
  if (renamed != other_words.end()) return std::string(renamed->ours);
  if (std::string near = nearest(key, siblings); !near.empty()) return near;
  for (const std::vector<std::string>* list : {&names.here, &names.elsewhere}) {
    if (std::string full = with_last_part(key, *list); !full.empty()) return full;
  }
  return {};
}

std::string known_below(const std::string& prefix, const key_names& names) {
  std::string known;
  for (const std::string& sibling : siblings_of(prefix, names.here)) known += (known.empty() ? "" : ", ") + sibling;
  return known;
}

struct walker {
  const source_text& source;
  const key_names& names;
  report& problems;
  const key_taker& take;
  std::vector<std::string> meant{};

  void walk(const node& table, const std::string& prefix) {
    for (const member& entry : table.members) {
      const std::string name = prefix + entry.key;
      const bool known = entry.key.find('.') == std::string::npos;
      if (known && std::find(names.here.begin(), names.here.end(), name) != names.here.end()) {
        take(name, entry);
      } else if (known && has_below(name + '.')) {
        walk_table(entry, name);
      } else {
        const std::string near = meant_by(entry.key, prefix, names);
        problems.error({&source, entry.where}, "unknown-key", "`" + name + "` is no key of sluice",
                       near.empty() ? "known here: " + known_below(prefix, names) : "did you mean `" + near + "`?");
        meant.push_back(prefix + near);
      }
    }
  }

  void walk_table(const member& entry, const std::string& name) {
    if (entry.value.type == node::kind::table) return walk(entry.value, name + '.');
    const bool list_meant = std::find(names.here.begin(), names.here.end(), name + 's') != names.here.end();
    problems.error({&source, entry.value.where}, "bad-type", "`" + name + "` is a table",
                   list_meant ? "did you mean `" + name + "s`?" : "its keys: " + known_below(name + '.', names));
    if (list_meant) meant.push_back(name + 's');
  }

  bool has_below(const std::string& prefix) const {
    return std::any_of(names.here.begin(), names.here.end(),
                       [&](const std::string& name) { return name.starts_with(prefix); });
  }
};

}  // namespace

std::vector<std::string> read_keys(const node& table, const source_text& source, const key_names& names,
                                   report& problems, const key_taker& take) {
  walker walking{source, names, problems, take};
  walking.walk(table, "");
  return std::move(walking.meant);
}

}  // namespace sluice::conf
