#include <signal.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "store/printed.hpp"
#include "worker/crash_guard.hpp"
#include "worker/log_names.hpp"
#include "worker/supervisor.hpp"

// What a supervisor does when an executor ended that should not have: find the task that caused it.
namespace jobhost::worker {
namespace {

constexpr unsigned kStartsBeforeRefusal = 3;
constexpr unsigned kLostBeforeFailing = 5;
constexpr unsigned kDeathsWithoutTask = 5;
constexpr unsigned kPatience = 4;  // times as many when it was killed from outside: that is not the plugin's doing

std::vector<std::string> lines_of(const char* text, std::size_t limit) {
  std::vector<std::string> lines;
  std::string line;
  for (std::size_t i = 0; i < limit && text[i]; ++i) {
    if (text[i] != '\n') {
      line += text[i];
      continue;
    }
    lines.push_back(std::move(line));
    line.clear();
  }
  return lines;
}

std::vector<store::StackEntry> stack_of(const Lane& lane) {
  return {lane.stack, lane.stack + std::min<std::uint32_t>(lane.stack_depth.load(), kMaxStack)};
}

std::string text_of(const char* text, std::size_t limit) { return std::string(text, ::strnlen(text, limit)); }

}  // namespace

void Supervisor::reap() {
  base::ExitStatus status;
  for (auto& executor : executors_) {
    if (!executor.running || !launcher_->ended(executor.handle, status)) continue;
    executor.running = false;
    bury(executor, status);
    const bool solo = executor.first == options_.lanes;
    if (!solo || solo_->untaken() > 0) launch(executor);
  }
}

std::optional<std::uint64_t> Supervisor::task_of(const Lane& lane) const {
  const std::uint64_t first = lane.taken_first.load(), end = lane.taken_end.load();
  const std::uint64_t task = lane.batch_first.load() + lane.progress.current;
  const LaneState state = lane.state.load();
  if (state != LaneState::kRunning && state != LaneState::kCrashed) return std::nullopt;
  if (task < first || task >= end) return std::nullopt;
  if (source_->done().contains(task)) return std::nullopt;
  return task;
}

void Supervisor::bury(Executor& executor, const base::ExitStatus& status) {
  source_->refresh();
  if (mailbox_) mailbox_->forget_dead_lanes();
  std::vector<std::pair<std::uint64_t, const Lane*>> running, crashed_lanes;
  bool started = false;
  for (unsigned i = 0; i < executor.count; ++i) {
    const Lane& lane = (*control_)->lane[executor.first + i];
    const LaneState state = lane.state.load();
    if (state == LaneState::kRefused) {
      throw base::Error(base::ExitCode::kPluginRefused, text_of(lane.message, sizeof lane.message));
    }
    if (state == LaneState::kLogFailed) {
      throw base::Error(base::ExitCode::kBackendFailed, text_of(lane.message, sizeof lane.message),
                        "what is already committed is safe: make room, then run 'jobhost resume' on the job");
    }
    started = started || state != LaneState::kStarting;
    if (const auto task = task_of(lane)) {
      running.emplace_back(*task, &lane);
      if (state == LaneState::kCrashed) crashed_lanes.emplace_back(*task, &lane);
    }
  }
  if (executor.count == 1 && !running.empty()) note_last_words(executor, running[0].first);
  const bool sure = !crashed_lanes.empty() || (running.size() == 1 && executor.count == 1 && !status.signaled);
  if (executor.overdue_task) {
    // Others that ran in the same process are innocent, and run again.
    for (const auto& [task, lane] : running) {
      if (task == executor.overdue_task) timed_out(task, *lane);
    }
  } else if (sure) {
    for (const auto& [task, lane] : crashed_lanes.empty() ? running : crashed_lanes) crashed(task, *lane, status);
  } else {
    for (const auto& [task, lane] : running) lost(task);
  }
  const unsigned patience = status.signaled && status.code == SIGKILL ? kPatience : 1;
  if (running.empty() && ++deaths_without_task_ >= patience * kDeathsWithoutTask) {
    throw base::Error(base::ExitCode::kBackendFailed,
                      "executors keep ending without having run a task (" +
                          (status.signaled ? "signal " : std::string("exit code ")) + std::to_string(status.code) + ")",
                      "what they printed is in '" + job_.printed() + "'");
  }
  if (!running.empty()) deaths_without_task_ = 0;
  if (!started && ++executor.failed_starts >= patience * kStartsBeforeRefusal) {
    throw base::Error(
        base::ExitCode::kPluginRefused,
        (manifest_.init.symbol.empty()
             ? std::string("the plugin ends the process while it is being loaded (")
             : "the plugin or the initialiser '" + manifest_.init.name + "' ends the process before its first task (") +
            (status.signaled ? "signal " : std::string("exit code ")) + std::to_string(status.code) + ")",
        "what it printed is in '" + job_.printed() + "'");
  }
  if (started) executor.failed_starts = 0;
  const bool solo = executor.first == options_.lanes;
  for (unsigned i = 0; i < executor.count; ++i) {
    Lane& lane = (*control_)->lane[executor.first + i];
    const bool took = lane.taken_end.load() > 0;
    close_reserve(lane);
    lane.batch_end.store(0);
    forget_taken(lane);
    lane.state.store(LaneState::kAbsent);
    lane.stack_depth.store(0);
    lane.crash_signal.store(0);
    lane.message[0] = lane.message_type[0] = '\0';
    if (took) (solo ? solo_ : shared_)->wound(lane.taken_span.load());
  }
}

void Supervisor::crashed(std::uint64_t task, const Lane& lane, const base::ExitStatus& status) {
  Trouble& trouble = troubles_[task];
  ++trouble.failures;
  log_.warn("task " + std::to_string(task) + " ended its process (" +
            (status.signaled ? "signal " : std::string("exit code ")) + std::to_string(status.code) + "), attempt " +
            std::to_string(trouble.failures) + " of " + std::to_string(1 + manifest_.retries));
  if (trouble.failures <= manifest_.retries) return;
  store::Failure failure;
  failure.kind = store::FailureKind::kCrash;
  failure.signal = status.signaled ? status.code : 0;
  const std::string type = text_of(lane.message_type, sizeof lane.message_type);
  std::string what = text_of(lane.message, sizeof lane.message);
  if (!type.empty()) {
    failure.thrown.push_back({type, what});
  } else {
    if (what.empty() && status.signaled) what = std::string("SIG") + ::sigabbrev_np(status.code);
    if (what.empty()) what = "_exit(" + std::to_string(status.code) + ")";
    failure.thrown.push_back({"", what});
  }
  failure.stack = stack_of(lane);
  record_failure(task, failure, trouble.failures, &lane);
}

void Supervisor::timed_out(std::uint64_t task, const Lane& lane) {
  Trouble& trouble = troubles_[task];
  ++trouble.failures;
  char limit[32];
  std::snprintf(limit, sizeof limit, "%.6g s", static_cast<double>(manifest_.timeout_ms) * 1e-3);
  log_.warn("task " + std::to_string(task) + " ran longer than " + limit + ", attempt " +
            std::to_string(trouble.failures) + " of " + std::to_string(1 + manifest_.retries));
  if (trouble.failures <= manifest_.retries) return;
  store::Failure failure;
  failure.kind = store::FailureKind::kTimeout;
  failure.thrown.push_back({"", std::string("ran longer than ") + limit});
  failure.stack = stack_of(lane);
  record_failure(task, failure, trouble.failures, &lane);
}

void Supervisor::note_last_words(const Executor& executor, std::uint64_t task) {
  const std::string printed = printed_path(plan_, executor.first, std::to_string(executor.generation));
  const std::uint64_t begin = (*control_)->lane[executor.first].printed.load();
  base::FileStatus status;
  if (env_.status(printed, status) < 0 || status.size <= begin) return;
  store::note_printed(env_, job_, printed, {task, 1, begin, status.size - begin, env_.wall_ns()});
}

void Supervisor::lost(std::uint64_t task) {
  Trouble& trouble = troubles_[task];
  ++trouble.lost;
  log_.warn("task " + std::to_string(task) + " was running when its process was killed from outside");
  if (trouble.lost < kLostBeforeFailing) return;
  store::Failure failure;
  failure.kind = store::FailureKind::kLost;
  failure.signal = SIGKILL;
  failure.thrown.push_back(
      {"", "its process was killed " + std::to_string(trouble.lost) + " times from outside (out of memory?)"});
  record_failure(task, failure, trouble.lost, nullptr);
}

void Supervisor::record_failure(std::uint64_t task, const store::Failure& failure, unsigned attempts,
                                const Lane* modules_of) {
  if (mailbox_) {
    const auto modules =
        modules_of ? lines_of(modules_of->modules, sizeof modules_of->modules) : std::vector<std::string>();
    if (const auto slot = mailbox_->find_unanswered(task)) {
      const auto request = mailbox_->view(*slot);
      const std::uint64_t index = task - request.first;
      const store::Place place = replies_->write_failure(failure, modules);
      std::memcpy(mailbox_->memory().at(request.places + index * sizeof place, sizeof place), &place, sizeof place);
      mailbox_->answer(*slot, index, std::array{store::TaskState::kFailed});
    }
    return;
  }
  store::LogWriter& log = own_log();
  const std::uint64_t now = env_.wall_ns();
  if (modules_of && !failure.stack.empty()) {
    base::Bytes modules;
    store::encode_modules(lines_of(modules_of->modules, sizeof modules_of->modules), modules);
    log.append({store::FrameKind::kModules, 0, 0, 0, 0, now}, {modules});
  }
  base::Bytes payload;
  store::encode(failure, payload);
  log.append({store::FrameKind::kFailure, task, 1, 0, static_cast<std::uint16_t>(attempts), now}, {payload});
  if (doorbell_) doorbell_->ring();
}

}  // namespace jobhost::worker
