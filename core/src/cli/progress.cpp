#include "cli/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "cli/one_line.hpp"
#include "report/failure_groups.hpp"

namespace jobhost::cli {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::size_t kDistinctFailures = 20;

std::string rate_text(double per_second) {
  if (per_second >= 1e6) return fmt::format("{:.1f}M/s", per_second / 1e6);
  if (per_second >= 1e4) return fmt::format("{:.1f}k/s", per_second / 1e3);
  return fmt::format("{:.0f}/s", per_second);
}

/// "0:11", "1:04:09"
std::string clock_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::min(seconds, 1e12));
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

std::string duration_text(double seconds) {
  return seconds < 60 ? fmt::format("{:.{}f} s", seconds, seconds < 10 ? 2 : 1) : clock_text(seconds);
}

std::string task_duration_text(double seconds) {
  if (seconds >= 1) return duration_text(seconds);
  return seconds < 1e-3 ? fmt::format("{:.3g} us", seconds * 1e6) : fmt::format("{:.3g} ms", seconds * 1e3);
}

std::string tally(const host::ResultStream& stream, std::uint64_t tasks) {
  std::string text = fmt::format("{} succeeded", stream.done() - stream.failed());
  if (stream.failed() > 0) text += fmt::format(", {} failed", stream.failed());
  if (stream.done() < tasks) text += fmt::format(", {} missing", tasks - stream.done());
  if (stream.duplicates() > 0) text += fmt::format(", {} ran twice (one result of each counts)", stream.duplicates());
  return text;
}

Progress::Progress(const Session& session, std::string job, std::uint64_t tasks, unsigned workers)
    : session_(session),
      job_(std::move(job)),
      tasks_(tasks),
      workers_(workers),
      terminal_(::isatty(2) == 1),
      begin_(session.env.monotonic_ns()),
      last_draw_(begin_) {}

double Progress::seconds() const { return static_cast<double>(session_.env.monotonic_ns() - begin_) * 1e-9; }

std::string Progress::line(const host::ResultStream& stream, const store::Doorbell::Running& longest) {
  const std::uint64_t done = stream.done();
  if (at_start_ == UINT64_MAX) at_start_ = done;
  const double share = tasks_ > 0 ? static_cast<double>(done) / static_cast<double>(tasks_) : 1;
  const double rate = static_cast<double>(done - std::min(done, at_start_)) / std::max(seconds(), 1e-3);
  std::string bar(10, '-');
  std::fill_n(bar.begin(), static_cast<std::size_t>(share * 10), '#');
  std::string text = fmt::format("[{}] {}/{}", bar, done, tasks_);
  if (stream.failed() > 0) text += fmt::format("  {} failed", stream.failed());
  const unsigned waiting = std::min(waiting_, workers_);
  if (done < tasks_) text += fmt::format("  {} running", std::min<std::uint64_t>(workers_ - waiting, tasks_ - done));
  if (done < tasks_ && waiting > 0) text += fmt::format("  {} waiting", waiting);
  text += "  " + rate_text(rate);
  if (done < tasks_ && rate > 0) text += "  ETA " + clock_text(static_cast<double>(tasks_ - done) / rate);
  const auto [slowest, duration] = stream.slowest();
  const std::uint64_t now = session_.env.monotonic_ns();
  const double running = longest.since_ns == 0 ? 0 : static_cast<double>(now - std::min(now, longest.since_ns)) * 1e-9;
  if (running > std::max(duration, 0.1)) {
    text += fmt::format("  #{} has been running for {}", longest.task, duration_text(running));
  } else if (duration > 0.1) {
    text += fmt::format("  slowest #{} {}", slowest, duration_text(duration));
  }
  return text;
}

void Progress::update(const host::ResultStream& stream, const store::Doorbell::Running& longest) {
  if (session_.quiet) return;
  if (at_start_ == UINT64_MAX) at_start_ = stream.done();
  const std::uint64_t now = session_.env.monotonic_ns();
  if (terminal_) {
    if (now - last_draw_ < kSecond / 10) return;
    last_draw_ = now;
    drawn_ = true;
    std::fprintf(stderr, "\r\033[K%s", line(stream, longest).c_str());
    std::fflush(stderr);
    return;
  }
  const std::uint64_t waited = now - last_draw_;
  const bool first = last_draw_ == begin_ && waited >= kSecond;
  const bool more =
      last_draw_ != begin_ && waited >= kSecond &&
      (waited >= 30 * kSecond || stream.done() - last_line_done_ >= std::max<std::uint64_t>(tasks_ / 20, 1));
  if (!first && !more) return;
  last_draw_ = now;
  last_line_done_ = stream.done();
  std::fprintf(stderr, "%s\n", line(stream, longest).c_str());
}

void Progress::failed(const host::Explanation& failure, std::uint64_t task, const std::string& inputs) {
  if (session_.quiet || terminal_) return;
  const bool shown = seen_failures_.size() < kDistinctFailures && seen_failures_.insert(report::key_of(failure)).second;
  if (shown) {
    const std::string text = host::headline(failure) + (failure.where.empty() ? "" : "   " + failure.where);
    std::fprintf(stderr, "task %llu failed: %s   %s\n", static_cast<unsigned long long>(task), one_line(text).c_str(),
                 inputs.c_str());
  } else if (!std::exchange(told_of_more_, true)) {
    std::fprintf(stderr, "more of the same kind are not shown%s\n",
                 job_.empty() ? "" : ("; all of them: jobhost errors " + job_).c_str());
  }
}

void Progress::clear() {
  if (drawn_) std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

void Progress::finish(const host::ResultStream& stream, const std::string& file) {
  clear();
  std::string text = fmt::format("{} task{} in {}: {}", tasks_, tasks_ == 1 ? "" : "s", duration_text(seconds()),
                                 tally(stream, tasks_));
  if (!job_.empty()) text += "   job " + job_;
  if (!job_.empty() && stream.failed() > 0) text += "\nsee: jobhost errors " + job_;
  if (!file.empty()) text += "\nwrote " + file;
  session_.say(text);
}

}  // namespace jobhost::cli
