#include "log/writer.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>

namespace sluice::log {
namespace {

constexpr std::chrono::seconds drop_report_interval{1};
constexpr std::chrono::seconds complaint_interval{60};
constexpr std::chrono::milliseconds forever{-1};
constexpr std::chrono::milliseconds rest_without_memory{100};

int priority_of(spdlog::level::level_enum level) noexcept {
  switch (level) {
    case spdlog::level::critical:
    case spdlog::level::err: return 3;
    case spdlog::level::warn: return 4;
    case spdlog::level::info: return 6;
    default: return 7;
  }
}

spdlog::level::level_enum spdlog_level(log_level level) noexcept {
  switch (level) {
    case log_level::debug: return spdlog::level::debug;
    case log_level::info: return spdlog::level::info;
    case log_level::warning: return spdlog::level::warn;
    case log_level::error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

/// spdlog's own sinks block, or throw when a disk is full; this one collects finished lines for an output that never
/// waits. The log thread writes them.
class output_sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit output_sink(output& to) : to_(to) {}

 private:
  void sink_it_(const spdlog::details::log_msg& line) override {
    to_.append(priority_of(line.level), {line.payload.data(), line.payload.size()});
  }
  void flush_() override { to_.write(output::clock::now()); }

  output& to_;
};

/// Errors of the log go to stderr, unless that is the log, or there is none.
std::unique_ptr<output> complaints_for(const output& log) {
  if (log.name() == "stderr") return nullptr;
  try {
    return std::make_unique<output>("stderr");
  } catch (const std::runtime_error&) {
    return nullptr;
  }
}

formatter::style style_for(log_format wanted, const output& to) noexcept {
  const bool text = wanted == log_format::text || (wanted == log_format::automatic && to.is_terminal());
  return text ? formatter::style::text : formatter::style::json;
}

std::chrono::milliseconds time_until(output::clock::time_point when, output::clock::time_point now) noexcept {
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(when - now), std::chrono::milliseconds{1});
}

std::int64_t wall_us_now() noexcept {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace

writer::writer(const log_config& settings, std::size_t rings)
    : level_(settings.level),
      output_(settings.output),
      stderr_(complaints_for(output_)),
      sink_(std::make_shared<output_sink>(output_)),
      formatter_(style_for(settings.format, output_)) {
  const bool sessions = settings.access && enabled(log_level::info);
  rings_.reserve(rings);
  for (std::size_t i = 0; i < rings; ++i) rings_.push_back(std::make_unique<session_ring>(waker_, sessions));
  line_.reserve(1024);
}

writer::~writer() = default;

void writer::push(message&& value) noexcept {
  if (messages_.push(std::move(value))) waker_.wake_if_asleep();
}

std::uint64_t writer::dropped() const noexcept {
  std::uint64_t sum = messages_.dropped();
  for (const auto& ring : rings_) sum += ring->dropped();
  return sum;
}

void writer::stop() noexcept {
  stopping_.store(true, std::memory_order_release);
  waker_.poke();
}

void writer::abandon() {
  const std::scoped_lock lock(reading_records_);
  abandoned_ = true;
}

void writer::run() {
  while (true) {
    const auto now = clock::now();
    // Read before the queues: what was pushed before stop() is then seen by collect().
    const bool stopping = stopping_.load(std::memory_order_acquire);
    if (stopping && stopped_at_ == clock::time_point{}) {
      stopped_at_ = now;
      output_.retry_now();
    }
    turns_.fetch_add(1, std::memory_order_relaxed);
    const bool collected = try_to_collect(now);
    const output::state state = output_.write(now);
    if (stopping && now - stopped_at_ >= slow_limit) return;
    if (state != output::state::done) {
      if (!wait_for_output(state, now)) return;
      continue;
    }
    report_recovery(now);
    if (collected || !output_.empty() || has_work()) {  // a full batch collects nothing
      rested_ = false;
    } else if (stopping) {
      return;
    } else {
      wait_for_work(now);
    }
  }
}

/// A line for which there is no memory waits until there is.
bool writer::try_to_collect(clock::time_point now) {
  try {
    return collect(now);
  } catch (const std::bad_alloc&) {
    wait(-1, rest_without_memory);
    return false;
  }
}

/// Formats what waits until the batch is full, some records of each ring in turn. False if that made no line.
bool writer::collect(clock::time_point now) {
  constexpr int turn = 64;
  std::size_t lines = 0;
  report_drops(now);
  take_messages();
  for (; next_taken_ < taken_.size() && !output_.full(); ++next_taken_, ++lines) {
    const message& next = taken_[next_taken_];
    log_message(next.level, next.wall_us, next.text);
  }
  const std::scoped_lock lock(reading_records_);
  bool more = !abandoned_;
  while (more && !output_.full()) {
    more = false;
    for (const auto& ring : rings_) {
      const session_record* record = nullptr;
      for (int i = 0; i < turn && !output_.full() && (record = ring->front()) != nullptr; ++i, ++lines) {
        log_session(*record);
        ring->pop();
        more = true;
      }
    }
  }
  return lines > 0;
}

void writer::take_messages() {
  if (next_taken_ < taken_.size()) return;
  taken_.clear();
  next_taken_ = 0;
  messages_.take(taken_);
}

bool writer::has_work() {
  return next_taken_ < taken_.size() || !messages_.empty() ||
         std::any_of(rings_.begin(), rings_.end(), [](const auto& ring) { return ring->front() != nullptr; });
}

/// Says how many were lost, once there is room again and at most once a second (at once when it is the last chance).
void writer::report_drops(clock::time_point now) {
  const std::uint64_t drops = dropped();
  const bool last_chance = stopped_at_ != clock::time_point{};
  if (drops == reported_drops_ || output_.full() || (now < next_drop_report_ && !last_chance)) return;
  const auto text =
      fmt::format("log: {} lines were dropped because they could not be written in time", drops - reported_drops_);
  reported_drops_ = drops;
  next_drop_report_ = now + drop_report_interval;
  if (enabled(log_level::warning)) log_message(log_level::warning, wall_us_now(), text);
}

void writer::report_recovery(clock::time_point now) {
  if (failing_since_ == clock::time_point{}) return;
  const std::chrono::duration<double> lasted = now - std::exchange(failing_since_, {});
  if (!enabled(log_level::warning)) return;
  log_message(log_level::warning, wall_us_now(),
              fmt::format("log: {} could not be written for {:.1f} s: {}", output_.name(), lasted.count(),
                          std::strerror(failure_)));
}

void writer::try_to_complain(clock::time_point now) {
  try {
    complain(now);
  } catch (const std::bad_alloc&) {
    next_complaint_ = {};
  }
}

/// Tells stderr that the log can't be written: when it begins, then once a minute.
void writer::complain(clock::time_point now) {
  failure_ = output_.error();
  const bool begins = failing_since_ == clock::time_point{};
  if (begins) failing_since_ = now;
  if (stderr_ == nullptr || (!begins && now < next_complaint_)) return;
  next_complaint_ = now + complaint_interval;
  formatter_.message(log_level::error, wall_us_now(),
                     fmt::format("log: can't write {}: {}; lines are dropped until it works again", output_.name(),
                                 std::strerror(failure_)),
                     line_);
  stderr_->append(priority_of(spdlog::level::err), line_);
  stderr_->write(now);
  stderr_->discard();
}

void writer::log_session(const session_record& record) {
  formatter_.session(record, line_);
  sink_->log({{}, {}, {}, spdlog::level::info, line_});
}

void writer::log_message(log_level level, std::int64_t wall_us, std::string_view text) {
  formatter_.message(level, wall_us, text, line_);
  sink_->log({{}, {}, {}, spdlog_level(level), line_});
}

/// Until the waker pokes, the output (if named) is writable, or the time is over.
void writer::wait(int also_writable, std::chrono::milliseconds limit) noexcept {
  std::array<pollfd, 2> entries{{{waker_.descriptor(), POLLIN, 0}, {also_writable, POLLOUT, 0}}};
  ::poll(entries.data(), also_writable >= 0 ? 2 : 1, static_cast<int>(limit.count()));
  waker_.awake();
}

void writer::wait_for_work(clock::time_point now) {
  if (!std::exchange(rested_, true)) {
    wait(-1, rest);
    return;
  }
  const auto limit = dropped() == reported_drops_ ? forever : time_until(next_drop_report_, now);
  waker_.announce_sleep();
  if (has_work()) {
    waker_.awake();
  } else {
    wait(-1, limit);  // stop() pokes whether or not we sleep
  }
}

/// False: the end comes before the output may work again.
bool writer::wait_for_output(output::state state, clock::time_point now) {
  rested_ = false;
  const bool stopping = stopped_at_ != clock::time_point{};
  if (state == output::state::failed) try_to_complain(now);
  if (stopping && (state == output::state::failed || now - stopped_at_ >= blocked_limit)) return false;
  if (state == output::state::failed) {
    wait(-1, time_until(output_.retry_at(), now));
  } else {
    wait(output_.descriptor(), stopping ? time_until(stopped_at_ + blocked_limit, now) : forever);
  }
  return true;
}

}  // namespace sluice::log
