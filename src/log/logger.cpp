#include "log/logger.hpp"

#include <pthread.h>

#include <chrono>
#include <csignal>
#include <future>
#include <thread>
#include <utility>

#include "log/writer.hpp"

namespace sluice::log {
namespace {

constexpr std::size_t longest_message = 8 * 1024;

/// A log thread that takes no turn for so long hangs in a write; a blocked destination gets less.
constexpr std::chrono::milliseconds longest_turn = writer::blocked_limit + std::chrono::milliseconds{200};

/// Threads inherit their mask. SIGPIPE matters most: a log pipe without a reader must not end the process.
class all_signals_blocked {
 public:
  all_signals_blocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~all_signals_blocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  all_signals_blocked(const all_signals_blocked&) = delete;
  all_signals_blocked& operator=(const all_signals_blocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

class logger::impl {
 public:
  impl(const log_config& settings, std::size_t rings) : writer_(std::make_shared<writer>(settings, rings)) {
    std::promise<void> ended;
    ended_ = ended.get_future();
    const all_signals_blocked guard;
    thread_ = std::thread([work = writer_, ended = std::move(ended)]() mutable {
      work->run();
      ended.set_value();
    });
  }

  ~impl() {
    writer_->stop();
    if (ends_or_hangs() == fate::ends) {
      thread_.join();
    } else {
      writer_->abandon();
      thread_.detach();  // it shares the writer, so what it still touches when it comes back is there
    }
  }

  writer& work() noexcept { return *writer_; }

 private:
  enum class fate { ends, hangs };

  fate ends_or_hangs() const {
    for (std::uint64_t seen = writer_->turns(); ended_.wait_for(longest_turn) != std::future_status::ready;) {
      const std::uint64_t turns = writer_->turns();
      if (turns == seen) return fate::hangs;
      seen = turns;
    }
    return fate::ends;
  }

  std::shared_ptr<writer> writer_;
  std::future<void> ended_;
  std::thread thread_;
};

logger::logger(const log_config& settings, std::size_t rings) : impl_(std::make_unique<impl>(settings, rings)) {}

logger::~logger() = default;

logger::ring& logger::worker_ring(std::size_t index) noexcept { return impl_->work().ring(index); }

bool logger::enabled(log_level level) const noexcept { return impl_->work().enabled(level); }

void logger::message(log_level level, std::string text) noexcept {
  if (!enabled(level)) return;
  if (text.size() > longest_message) text.resize(longest_message);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  impl_->work().push({level, std::chrono::duration_cast<std::chrono::microseconds>(now).count(), std::move(text)});
}

std::vector<std::uint64_t> logger::record_marks() const {
  std::vector<std::uint64_t> marks;
  for (std::size_t i = 0; i < impl_->work().ring_count(); ++i) marks.push_back(impl_->work().ring(i).pushed());
  return marks;
}

bool logger::has_written(const std::vector<std::uint64_t>& marks) const noexcept {
  for (std::size_t i = 0; i < marks.size(); ++i)
    if (impl_->work().ring(i).popped() < marks[i]) return false;
  return true;
}

std::uint64_t logger::dropped() const noexcept { return impl_->work().dropped(); }

}  // namespace sluice::log
