#include "config/health_texts.hpp"
#include "config/keys.hpp"

namespace sluice::conf {
namespace {

constexpr std::uint64_t year = 365ULL * 86'400'000;
constexpr bounds interval{10, year};
constexpr bounds some_duration{1, year};
constexpr bounds any_count{0, UINT32_MAX};
constexpr bounds some_count{1, 1'000};
constexpr bounds jitter_percent{0, 50};
constexpr bounds percent{0, 100};
constexpr bounds port{0, 65'535};
constexpr bounds status{1, UINT32_MAX, nullptr, status_trouble};
constexpr bounds path{1, UINT32_MAX, nullptr, path_trouble};
constexpr bounds hex{0, UINT32_MAX, nullptr, hex_trouble};
constexpr bounds regex{0, UINT32_MAX, nullptr, regex_trouble};
constexpr bounds ip{0, UINT32_MAX, nullptr, ip_trouble};
constexpr bounds line{0, UINT32_MAX, nullptr, line_trouble};

}  // namespace

const std::vector<service_row>& health_rows() {
  static const std::vector<service_row> rows{
      {"health.check",
       [](service_defaults& s) -> slot { return &s.health.check; },
       {},
       "How backends are checked: by connecting, by a handshake, a request, or a few words of a protocol."},
      {"health.interval", [](service_defaults& s) -> slot { return &s.health.interval; }, interval,
       "From the start of one check of a backend to the next."},
      {"health.fast_interval", [](service_defaults& s) -> slot { return &s.health.fast_interval; }, interval,
       "The same while a backend is in doubt: its last check said something else than those before."},
      {"health.timeout", [](service_defaults& s) -> slot { return &s.health.timeout; }, some_duration,
       "How long one check may take, connecting included."},
      {"health.rise", [](service_defaults& s) -> slot { return &s.health.rise; }, some_count,
       "Good checks in a row that bring a backend back."},
      {"health.fall", [](service_defaults& s) -> slot { return &s.health.fall; }, some_count,
       "Bad checks in a row that take a backend out."},
      {"health.jitter", [](service_defaults& s) -> slot { return &s.health.jitter; }, jitter_percent,
       "Percent by which intervals differ, up and down, so that several sluices do not check in step."},
      {"health.port", [](service_defaults& s) -> slot { return &s.health.port; }, port,
       "Another port to check; 0: the backend's own, the first of a range."},
      {"health.address", [](service_defaults& s) -> slot { return &s.health.address; }, ip,
       "Another IP address to check instead of the backend's."},
      {"health.host", [](service_defaults& s) -> slot { return &s.health.host; }, line,
       "http: the Host that is asked for; empty: the backend's name and port."},
      {"health.path", [](service_defaults& s) -> slot { return &s.health.path; }, path,
       "http: what is asked for, with GET."},
      {"health.status", [](service_defaults& s) -> slot { return &s.health.status; }, status,
       "http: codes that are good, such as \"200-399\" or \"200,204\"."},
      {"health.body",
       [](service_defaults& s) -> slot { return &s.health.body; },
       {},
       "http: a text that must stand in the first 64 KiB of the answer's body."},
      {"health.send",
       [](service_defaults& s) -> slot { return &s.health.send; },
       {},
       "send-expect: the text to send once connected."},
      {"health.send_hex", [](service_defaults& s) -> slot { return &s.health.send_hex; }, hex,
       "send-expect: the same as bytes in hexadecimal."},
      {"health.expect",
       [](service_defaults& s) -> slot { return &s.health.expect; },
       {},
       "send-expect: a text that must stand in the first 16 KiB of the answer."},
      {"health.expect_hex", [](service_defaults& s) -> slot { return &s.health.expect_hex; }, hex,
       "send-expect: the same as bytes in hexadecimal."},
      {"health.expect_regex", [](service_defaults& s) -> slot { return &s.health.expect_regex; }, regex,
       "send-expect: the same as a Perl regular expression."},
      {"health.tls_name", [](service_defaults& s) -> slot { return &s.health.tls_name; }, line,
       "tls: the name asked for; empty: the backend's, if it has one."},
      {"health.tls_verify",
       [](service_defaults& s) -> slot { return &s.health.tls_verify; },
       {},
       "tls: whether the certificate must be valid, by the system's authorities and for that name."},
      {"passive.connect_failures", [](service_defaults& s) -> slot { return &s.passive.connect_failures; }, any_count,
       "Connects in a row that fail until a backend is left alone for a while; 0: any number."},
      {"passive.empty_sessions", [](service_defaults& s) -> slot { return &s.passive.empty_sessions; }, any_count,
       "Sessions in a row that a backend ends without having sent a byte; 0: any number."},
      {"passive.window", [](service_defaults& s) -> slot { return &s.passive.window; }, some_duration,
       "A session that lasted longer is not counted as empty."},
      {"passive.failed_share", [](service_defaults& s) -> slot { return &s.passive.failed_share; }, percent,
       "Percent of a backend's sessions in an interval that fail in either way; 0: any."},
      {"passive.min_sessions", [](service_defaults& s) -> slot { return &s.passive.min_sessions; }, some_count,
       "Fewer sessions in an interval tell nothing of their share."},
      {"passive.interval", [](service_defaults& s) -> slot { return &s.passive.interval; }, interval,
       "What failed_share counts over; each one that goes well halves the next ejection."},
      {"passive.ejection", [](service_defaults& s) -> slot { return &s.passive.ejection; }, some_duration,
       "How long a backend is left alone at first; each further time twice as long."},
      {"passive.longest_ejection", [](service_defaults& s) -> slot { return &s.passive.longest_ejection; },
       some_duration, "How long it gets at most."},
      {"passive.max_ejected", [](service_defaults& s) -> slot { return &s.passive.max_ejected; }, percent,
       "Percent of a service's backends that may be ejected at a time, rounded down."},
  };
  return rows;
}

}  // namespace sluice::conf
