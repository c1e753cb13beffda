#include "log/formatter.hpp"

#include <arpa/inet.h>

#include <chrono>
#include <cstring>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "log/escape.hpp"

namespace sluice::log {
namespace {

constexpr std::int64_t ns_per_us = 1'000;
constexpr std::int64_t ns_per_ms = 1'000'000;
constexpr std::int64_t ns_per_s = 1'000'000'000;

template <typename... Args>
void append(std::string& out, fmt::format_string<Args...> pattern, Args&&... args) {
  fmt::format_to(std::back_inserter(out), pattern, std::forward<Args>(args)...);
}

template <typename Number>
void append_number(std::string& out, Number value) {
  const fmt::format_int digits(value);
  out.append(digits.data(), digits.size());
}

/// "spliced", "copied", "mixed" or "none": which way the bytes went.
std::string_view path_word(const session_record& record) noexcept {
  if (record.bytes_spliced > 0) return record.bytes_copied > 0 ? "mixed" : "spliced";
  return record.bytes_copied > 0 ? "copied" : "none";
}

std::string_view level_word(log_level level) noexcept {
  switch (level) {
    case log_level::debug: return "debug";
    case log_level::info: return "info";
    case log_level::warning: return "warning";
    case log_level::error: return "error";
  }
  return "unknown";
}

/// "ECONNRESET", or the number of an errno the C library has no name for.
void append_error(std::string& out, int error) {
  if (const char* name = ::strerrorname_np(error)) {
    out += name;
  } else {
    append_number(out, error);
  }
}

/// Where the connection went: a unix backend has no address but the path it is written with.
void append_backend_address(std::string& out, const session_record& record,
                            void (*escape)(std::string&, std::string_view)) {
  if (record.backend_address.type == endpoint::family::unix_socket && record.backend != nullptr) {
    escape(out, *record.backend);
  } else {
    append_endpoint(out, record.backend_address);
  }
}

void append_local(std::string& out, const session_record& record, void (*escape)(std::string&, std::string_view)) {
  if (record.local_name != nullptr) {
    escape(out, *record.local_name);
  } else {
    append_endpoint(out, record.local);
  }
}

/// Appends `,"name":`. Names are ours and need no escaping.
void append_key(std::string& out, std::string_view name) {
  out += ",\"";
  out += name;
  out += "\":";
}

void append_json_string(std::string& out, std::string_view name, std::string_view value) {
  append_key(out, name);
  out += '"';
  append_json_escaped(out, value);
  out += '"';
}

template <typename Number>
void append_json_number(std::string& out, std::string_view name, Number value) {
  append_key(out, name);
  append_number(out, value);
}

/// Seconds with six decimals, so that a reader needs no unit and loses nothing to floating point.
void append_json_seconds(std::string& out, std::string_view name, std::int64_t nanoseconds) {
  append_key(out, name);
  append(out, "{}.{:06}", nanoseconds / ns_per_s, nanoseconds % ns_per_s / ns_per_us);
}

/// The fields after "time". What does not apply (no backend chosen, never connected, no error) is left out.
void append_json_session(std::string& out, const session_record& record) {
  append_json_number(out, "schema", session_schema);
  out += R"(,"level":"info","event":"session")";
  append_json_number(out, "id", record.id);
  if (record.service != nullptr) append_json_string(out, "service", *record.service);
  append_key(out, "client");
  out += '"';
  append_endpoint(out, record.client);
  out += '"';
  append_key(out, "local");
  out += '"';
  append_local(out, record, append_json_escaped);
  out += '"';
  if (record.backend != nullptr) append_json_string(out, "backend", *record.backend);
  if (record.backend_address.type != endpoint::family::none) {
    append_key(out, "backend_address");
    out += '"';
    append_backend_address(out, record, append_json_escaped);
    out += '"';
  }
  append_json_number(out, "attempts", record.attempts);
  if (record.connect_ns >= 0) append_json_seconds(out, "connect_s", record.connect_ns);
  if (record.queue_ns >= 0) append_json_seconds(out, "queue_s", record.queue_ns);
  append_json_seconds(out, "duration_s", record.duration_ns);
  append_json_number(out, "received", record.bytes_received);
  append_json_number(out, "sent", record.bytes_sent);
  append_json_string(out, "path", path_word(record));
  append_json_number(out, "spliced", record.bytes_spliced);
  append_json_number(out, "copied", record.bytes_copied);
  append_json_string(out, "reason", to_string(record.reason));
  if (record.error != 0) {
    append_key(out, "error");
    out += '"';
    append_error(out, record.error);
    out += '"';
  }
  if (record.reset_shown_as_eof) {
    append_key(out, "reset_shown_as_eof");
    out += "true";
  }
}

/// "session 7 web 10.0.0.1:5555 -> 10.0.0.9:80 -> db:5432 (10.0.0.5:5432) client_fin after 1.23s, connect 321us, ..."
void append_text_session(std::string& out, const session_record& record) {
  out += "session ";
  append_number(out, record.id);
  if (record.service != nullptr) {
    out += ' ';
    append_text_word(out, *record.service);
  }
  out += ' ';
  append_endpoint(out, record.client);
  out += " -> ";
  append_local(out, record, append_text_word);
  if (record.backend != nullptr) {
    out += " -> ";
    append_text_word(out, *record.backend);
  }
  if (record.backend_address.type != endpoint::family::none) {
    out += " (";
    append_backend_address(out, record, append_text_word);
    out += ')';
  }
  out += ' ';
  out += to_string(record.reason);
  if (record.error != 0) {
    out += ' ';
    append_error(out, record.error);
  }
  out += " after ";
  append_duration(out, record.duration_ns);
  if (record.connect_ns >= 0) {
    out += ", connect ";
    append_duration(out, record.connect_ns);
  }
  if (record.queue_ns >= 0) {
    out += ", queued ";
    append_duration(out, record.queue_ns);
  }
  append(out, ", attempts {}, received {}, sent {}, {}", record.attempts, record.bytes_received, record.bytes_sent,
         path_word(record));
  if (record.bytes_spliced + record.bytes_copied > 0) {
    append(out, " (spliced {}, copied {})", record.bytes_spliced, record.bytes_copied);
  }
  if (record.reset_shown_as_eof) {
    out += ", reset shown as end of file";
  }
}

}  // namespace

void append_endpoint(std::string& out, const endpoint& value) {
  const auto append_ipv4 = [&](const std::uint8_t* bytes) {
    for (int i = 0; i < 4; ++i) {
      if (i > 0) out += '.';
      append_number(out, static_cast<unsigned>(bytes[i]));
    }
  };
  static constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  switch (value.type) {
    case endpoint::family::none: return;
    case endpoint::family::unix_socket: out += "unix"; return;
    case endpoint::family::ipv4: append_ipv4(value.bytes.data()); break;
    case endpoint::family::ipv6:
      if (std::memcmp(value.bytes.data(), mapped.data(), mapped.size()) == 0) {
        append_ipv4(value.bytes.data() + mapped.size());
      } else {
        std::array<char, INET6_ADDRSTRLEN> text{};
        ::inet_ntop(AF_INET6, value.bytes.data(), text.data(), text.size());
        out += '[';
        out += text.data();
        out += ']';
      }
      break;
  }
  out += ':';
  append_number(out, static_cast<unsigned>(value.port));
}

void append_duration(std::string& out, std::int64_t nanoseconds) {
  const std::int64_t seconds = nanoseconds / ns_per_s;
  if (nanoseconds < ns_per_ms) {
    append(out, "{}us", nanoseconds / ns_per_us);
  } else if (nanoseconds < ns_per_s) {
    append(out, "{}.{}ms", nanoseconds / ns_per_ms, nanoseconds % ns_per_ms / (ns_per_ms / 10));
  } else if (seconds < 60) {
    append(out, "{}.{:02}s", seconds, nanoseconds % ns_per_s / (ns_per_s / 100));
  } else if (seconds < 3600) {
    append(out, "{}m{:02}s", seconds / 60, seconds % 60);
  } else {
    append(out, "{}h{:02}m{:02}s", seconds / 3600, seconds % 3600 / 60, seconds % 60);
  }
}

void formatter::session(const session_record& record, std::string& out) {
  out.clear();
  if (how_ == style::json) {
    out += R"({"time":")";
    append_time(out, record.wall_us);
    out += '"';
    append_json_session(out, record);
    out += '}';
  } else {
    append_time(out, record.wall_us);
    out += " info ";
    append_text_session(out, record);
  }
}

void formatter::message(log_level level, std::int64_t wall_us, std::string_view text, std::string& out) {
  out.clear();
  if (how_ == style::json) {
    out += R"({"time":")";
    append_time(out, wall_us);
    out += '"';
    append_json_string(out, "level", level_word(level));
    append_json_string(out, "msg", text);
    out += '}';
  } else {
    append_time(out, wall_us);
    out += ' ';
    out += level_word(level);
    out += ' ';
    append_text_escaped(out, text);
  }
}

void formatter::append_time(std::string& out, std::int64_t wall_us) {
  using namespace std::chrono;
  const sys_time<microseconds> when{microseconds{wall_us}};
  const auto second = floor<seconds>(when);
  if (second.time_since_epoch().count() != cached_second_) {
    const auto day = floor<days>(second);
    const year_month_day date{day};
    const hh_mm_ss clock{second - day};
    fmt::format_to_n(cached_text_.data(), cached_text_.size(), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.",
                     static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
    cached_second_ = second.time_since_epoch().count();
  }
  out.append(cached_text_.data(), cached_text_.size());
  append(out, "{:06}Z", (when - second).count());
}

}  // namespace sluice::log
