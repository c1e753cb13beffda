#include "history/history.hpp"

#include <cstdio>
#include <utility>

namespace sluice::history {
namespace {

using support::session_record;

/// Records that lie in the program when it is killed are lost; they leave it within milliseconds.
constexpr std::chrono::seconds records_on_their_way{1};

bool said_all(const side_history& side) { return side.fin_sent; }

std::string text_of(const side_history& side) {
  return "sent " + std::to_string(side.sent) + (side.fin_sent ? " and its end" : "") + ", received " +
         std::to_string(side.received) + (side.saw_end ? " and an end" : "") + (side.saw_reset ? " and a reset" : "") +
         (side.ended_itself ? ", then left" : "");
}

std::string text_of(const session_record& record) {
  return "record: received " + std::to_string(record.received) + ", sent " + std::to_string(record.sent) + ", " +
         record.reason;
}

}  // namespace

const char* name_of(rule which) {
  switch (which) {
    case rule::no_foreign_byte: return "no foreign byte";
    case rule::no_false_end: return "no false end";
    case rule::no_stall: return "no stall";
    case rule::one_record: return "one record";
    case rule::record_is_truth: return "record is truth";
    case rule::one_backend_each: return "one backend each";
  }
  return "";
}

void session_history::add_client(const side_history& seen) {
  const std::lock_guard held(mutex_);
  clients_[seen.number] = seen;
}

void session_history::add_backend(const side_history& seen) {
  const std::lock_guard held(mutex_);
  if (!backends_.emplace(seen.number, seen).second) reached_twice_.push_back(seen.number);
}

void session_history::add_stranger(std::size_t bytes) {
  const std::lock_guard held(mutex_);
  strangers_.push_back("a backend was sent " + std::to_string(bytes) + " bytes that begin no session");
}

void session_history::stop_began() {
  const std::lock_guard held(mutex_);
  if (!stop_) stop_ = std::chrono::steady_clock::now();
}

void session_history::killed() {
  stop_began();
  const std::lock_guard held(mutex_);
  killed_ = true;
}

std::size_t session_history::sessions() const {
  const std::lock_guard held(mutex_);
  return clients_.size();
}

/// The rules, session by session.
class session_history::findings {
 public:
  explicit findings(const session_history& of) : of_(of) {}

  void bytes_and_ends(const side_history& client, const side_history* backend) {
    const bool excused = lived_at_kill(client) || (backend != nullptr && lived_at_kill(*backend));
    check_bytes(client, backend != nullptr ? backend->sent : 0, "client", client.number);
    if (!excused) check_end(client, backend, "client");
    if (client.stalled && !excused) report(rule::no_stall, client.number, "the client waits; " + text_of(client));
    if (backend == nullptr) return;
    check_bytes(*backend, client.sent, "backend", client.number);
    if (!excused) check_end(*backend, &client, "backend");
    if (backend->stalled && !excused) report(rule::no_stall, client.number, "the backend waits; " + text_of(*backend));
  }

  void records(const side_history& client, const side_history* backend,
               const std::vector<const session_record*>& found) {
    if (found.size() > 1) report(rule::one_record, client.number, std::to_string(found.size()) + " records");
    if (found.empty()) {
      if (!may_lack_record(client, backend)) report(rule::one_record, client.number, "no record; " + text_of(client));
      return;
    }
    const session_record& record = *found.front();
    const std::string all = text_of(record) + "; client " + text_of(client) +
                            (backend != nullptr ? "; backend " + text_of(*backend) : "; no backend");
    const std::uint64_t at_backend = backend != nullptr ? backend->received : 0;
    const std::uint64_t by_backend = backend != nullptr ? backend->sent : 0;
    const bool possible = record.received <= client.sent && record.received >= at_backend &&
                          record.sent >= client.received && record.sent <= by_backend;
    if (!possible) report(rule::record_is_truth, client.number, "impossible counts: " + all);
    const bool clean_record = record.reason == "client_fin" || record.reason == "backend_fin";
    const bool clean = backend != nullptr && client.saw_end && client.fin_sent && backend->saw_end && backend->fin_sent;
    if (clean && (record.received != client.sent || record.sent != backend->sent || !clean_record))
      report(rule::record_is_truth, client.number, "both ends saw it whole: " + all);
    const auto cannot_have_ended = [](const side_history& side) { return !side.fin_sent && !side.ended_itself; };
    if (clean_record && (cannot_have_ended(client) || (backend != nullptr && cannot_have_ended(*backend))))
      report(rule::record_is_truth, client.number, "called whole: " + all);
  }

  void report(rule broken, std::uint32_t number, const std::string& text) {
    result_.push_back(
        {broken, "session " + std::to_string(number) + " of seed " + std::to_string(of_.seed_) + ": " + text});
  }

  std::vector<violation> take() { return std::move(result_); }

 private:
  void check_bytes(const side_history& at, std::uint64_t sent_by_other, const char* who, std::uint32_t number) {
    if (at.wrong_byte)
      report(rule::no_foreign_byte, number,
             "byte " + std::to_string(at.received) + " at the " + who + " is not what was sent");
    else if (at.received > sent_by_other)
      report(rule::no_foreign_byte, number, std::string("the ") + who + " got more than was sent");
  }

  void check_end(const side_history& at, const side_history* other, const char* who) {
    if (!at.saw_end) return;
    // Whoever closes with nothing unread has said its end by that.
    const bool closed = other != nullptr && other->ended_itself && at.received == other->sent;
    if (other == nullptr || (!closed && (!said_all(*other) || at.received != other->sent)))
      report(rule::no_false_end, at.number,
             std::string("the ") + who + " saw an end: " + text_of(at) + "; other end " +
                 (other != nullptr ? text_of(*other) : "never came"));
  }

  bool lived_at_kill(const side_history& side) const { return of_.killed_ && side.over >= *of_.stop_; }

  bool may_lack_record(const side_history& client, const side_history* backend) const {
    if (!of_.stop_) return false;
    if (of_.killed_) return client.over >= *of_.stop_ - records_on_their_way;
    // It was in the queue of a listener that closed, and nobody has served it.
    return backend == nullptr && client.received == 0 && client.over >= *of_.stop_;
  }

  const session_history& of_;
  std::vector<violation> result_;
};

std::vector<violation> session_history::check(const std::vector<session_record>& records) const {
  const std::lock_guard held(mutex_);
  findings found(*this);
  std::map<std::uint32_t, std::vector<const session_record*>> by_client;
  for (const session_record& one : records) {
    const auto number = client_number(one.client);
    if (number && clients_.contains(*number))
      by_client[*number].push_back(&one);
    else
      found.report(rule::one_record, number.value_or(0), "a record of nobody: " + one.client + ", " + text_of(one));
  }
  for (const auto& [number, client] : clients_) {
    const auto backend = backends_.find(number);
    const side_history* const behind = backend == backends_.end() ? nullptr : &backend->second;
    found.bytes_and_ends(client, behind);
    found.records(client, behind, by_client[number]);
  }
  for (const auto& [number, backend] : backends_)
    if (!clients_.contains(number)) found.report(rule::one_backend_each, number, "a backend has it, no client");
  for (const std::uint32_t number : reached_twice_)
    found.report(rule::one_backend_each, number, "two backends have it");
  for (const std::string& one : strangers_) found.report(rule::no_foreign_byte, 0, one);
  return found.take();
}

std::string client_host(std::uint32_t number) {
  char text[32];
  std::snprintf(text, sizeof text, "127.%u.%u.%u", number >> 16 & 255, number >> 8 & 255, number & 255);
  return text;
}

std::optional<std::uint32_t> client_number(const std::string& address) {
  unsigned a = 0, b = 0, c = 0, port = 0;
  if (std::sscanf(address.c_str(), "127.%u.%u.%u:%u", &a, &b, &c, &port) != 4) return std::nullopt;
  const std::uint32_t number = a << 16 | b << 8 | c;
  if (number < first_client || number > last_client) return std::nullopt;
  return number;
}

}  // namespace sluice::history
