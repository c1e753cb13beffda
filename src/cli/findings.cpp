#include "cli/findings.hpp"

#include <ostream>
#include <string_view>

#include <boost/json.hpp>

namespace sluice::cli {
namespace {

namespace json = boost::json;

struct counts {
  std::uint64_t services = 0;
  std::uint64_t listeners = 0;
  std::uint64_t backends = 0;
};

counts count(const config& settings) {
  counts sum;
  sum.services = settings.services.size();
  for (const auto& service : settings.services) {
    for (const auto& listener : service.listeners)
      sum.listeners += listener.listen.type == address::kind::tcp ? listener.listen.ports.size() : 1;
    sum.backends += service.backends.size();
  }
  return sum;
}

std::string counted(std::uint64_t number, std::string_view thing) {
  return std::to_string(number) + " " + std::string(thing) + (number == 1 ? "" : "s");
}

json::object place(const source_location& where) {
  return {{"file", where.source}, {"line", where.line}, {"column", where.column}};
}

json::object as_json(const diagnostic& finding) {
  json::object object = place(finding.where);
  object["severity"] = finding.level == diagnostic::severity::error ? "error" : "warning";
  object["code"] = finding.code;
  object["text"] = finding.text;
  object["hint"] = finding.hint;
  json::array related;
  for (const auto& [where, text] : finding.related) {
    json::object other = place(where);
    other["text"] = text;
    related.push_back(std::move(other));
  }
  object["related"] = std::move(related);
  return object;
}

}  // namespace

void print_findings(std::ostream& out, const std::vector<diagnostic>& findings, bool colour) {
  for (const auto& finding : findings) {
    const auto text = to_text(finding, colour);
    out << text << (text.ends_with('\n') ? "" : "\n");
  }
}

std::string summary_of(const config& settings) {
  const auto sum = count(settings);
  return counted(sum.services, "service") + ", " + counted(sum.listeners, "listener") + ", " +
         counted(sum.backends, "backend");
}

std::string findings_as_json(const load_result& result, const std::string& source) {
  json::object object{{"ok", result.ok()}, {"source", source}};
  if (result.ok()) {
    const auto sum = count(result.config);
    object["services"] = sum.services;
    object["listeners"] = sum.listeners;
    object["backends"] = sum.backends;
  }
  json::array findings;
  for (const auto& finding : result.diagnostics) findings.push_back(as_json(finding));
  object["findings"] = std::move(findings);
  return json::serialize(object);
}

}  // namespace sluice::cli
