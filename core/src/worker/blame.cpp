#include <signal.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "store/log_reader.hpp"
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

/// Signals by which others end processes, and the kernel where memory is short. All others come of what a process does.
bool is_from_outside(int signal) { return signal == SIGKILL || signal == SIGTERM; }

/// What ended a process, and the limit that it ran into, where there is one.
std::string words_of(int signal) {
  const char* name = ::sigabbrev_np(signal);
  std::string words = name ? std::string("SIG") + name : "signal " + std::to_string(signal);
  if (signal == SIGXCPU) words += ": the limit on processor time is reached (ulimit -t)";
  if (signal == SIGXFSZ) words += ": the limit on the size of files is reached (ulimit -f)";
  return words;
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
  const std::uint64_t task = lane.batch_first.load() + lane.current();
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
  bool started = false, spoiled = false;
  for (unsigned i = 0; i < executor.count; ++i) {
    const Lane& lane = (*control_)->lane[executor.first + i];
    const LaneState state = lane.state.load();
    if (state == LaneState::kRefused) {
      throw base::Error(status.signaled ? base::ExitCode::kPluginRefused : static_cast<base::ExitCode>(status.code),
                        text_of(lane.message, sizeof lane.message));
    }
    if (state == LaneState::kLogFailed) {
      throw base::Error(base::ExitCode::kBackendFailed, text_of(lane.message, sizeof lane.message));
    }
    started = started || state != LaneState::kStarting;
    spoiled = spoiled || state == LaneState::kSpoiled;
    if (const auto task = task_of(lane)) {
      running.emplace_back(*task, &lane);
      if (state == LaneState::kCrashed) crashed_lanes.emplace_back(*task, &lane);
    }
  }
  if (spoiled && !mailbox_) trim_logs(executor);
  const bool had_run = commits_of(executor) != executor.commits_before;
  if (executor.count == 1 && !running.empty()) note_last_words(executor, running[0].first);
  const bool own_doing = !status.signaled || !is_from_outside(status.code);
  const bool sure = !crashed_lanes.empty() || (running.size() == 1 && executor.count == 1 && own_doing);
  if (executor.overdue_task) {
    // Others that ran in the same process are innocent, and run again.
    for (const auto& [task, lane] : running) {
      if (task == executor.overdue_task) timed_out(task, *lane);
    }
  } else if (spoiled) {
    suspect_all_begun(executor, status);
  } else if (sure) {
    const bool alone = executor.count == 1 && !had_run, shares_memory = executor.count > 1 && manifest_.memory > 0;
    for (const auto& [task, lane] : crashed_lanes.empty() ? running : crashed_lanes) {
      const bool shares_time = status.signaled && status.code == SIGXCPU;  // with all that ran before in the process
      crashed(task, *lane, status, alone || (lane->crash_aside.load() == 0 && !shares_memory && !shares_time));
    }
  } else {
    for (const auto& [task, lane] : running) {
      if (own_doing) {
        troubles_[task].alone = true;
      } else {
        lost(task, status.code);
      }
    }
  }
  const unsigned patience = status.signaled && status.code == SIGKILL ? kPatience : 1;
  const bool in_vain = running.empty() && !had_run && !spoiled;
  if (in_vain && ++deaths_without_task_ >= patience * kDeathsWithoutTask) {
    throw base::Error(base::ExitCode::kBackendFailed,
                      "executors keep ending without having run a task (" +
                          (status.signaled ? "signal " : std::string("exit code ")) + std::to_string(status.code) + ")",
                      "what they printed is in '" + job_.printed() + "'");
  }
  if (!in_vain) deaths_without_task_ = 0;
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
    lane.crash_aside.store(0);
    lane.message[0] = lane.message_type[0] = '\0';
    if (took) (solo ? solo_ : shared_)->wound(lane.taken_span.load());
  }
}

/// How often an executor's lanes, whatever process they were in, wrote results down.
std::uint64_t Supervisor::commits_of(const Executor& executor) const {
  std::uint64_t commits = 0;
  for (unsigned i = 0; i < executor.count; ++i) commits += (*control_)->lane[executor.first + i].commits.load();
  return commits;
}

/// A task may have written to the logs of other lanes, too, after these had looked.
void Supervisor::trim_logs(const Executor& executor) {
  for (unsigned lane = executor.first; lane < executor.first + executor.count; ++lane) {
    store::trim_log(env_, log_path(plan_, lane, std::to_string(executor.generation)),
                    store::binary_id(options_.manifest_sha256));
  }
}

/// Something that ran since the last commit of its lane closed the log, or took the memory of its neighbours.
void Supervisor::suspect_all_begun(const Executor& executor, const base::ExitStatus& status) {
  for (unsigned i = executor.first; i < executor.first + executor.count; ++i) {
    const Lane& lane = (*control_)->lane[i];
    const LaneState state = lane.state.load();
    if (state != LaneState::kSpoiled && state != LaneState::kRunning) continue;
    const std::uint64_t first = lane.taken_first.load();
    const std::uint64_t end = std::min(lane.batch_first.load() + lane.current() + 1, lane.taken_end.load());
    if (executor.first == options_.lanes && end == first + 1) return crashed(first, lane, status, true);
    for (std::uint64_t task = first; task < end; ++task) troubles_[task].alone = true;
  }
}

/// For how long the lane was seen at the task.
std::uint64_t Supervisor::time_at(std::uint64_t task, const Lane& lane) {
  const Watched& seen = watched_[static_cast<std::size_t>(&lane - (*control_)->lane)];
  return seen.task == task ? env_.monotonic_ns() - seen.since : 0;
}

/// `sure`: nothing else can have caused it. Otherwise the task is tried again alone, even where no attempt is left:
/// what crashed may be a thread that an earlier task left behind, or a victim of the neighbour who took all memory.
void Supervisor::crashed(std::uint64_t task, const Lane& lane, const base::ExitStatus& status, bool sure) {
  Trouble& trouble = troubles_[task];
  ++trouble.failures;
  trouble.nanoseconds += time_at(task, lane);
  log_.warn("task " + std::to_string(task) + " ended its process (" +
            (status.signaled ? "signal " : std::string("exit code ")) + std::to_string(status.code) +
            (lane.crash_aside.load() != 0 ? ", in a thread that this or an earlier task started" : "") + "), attempt " +
            std::to_string(trouble.failures) + " of " + std::to_string(1 + manifest_.retries));
  if (trouble.failures <= manifest_.retries || !sure) return;
  store::Failure failure;
  failure.kind = store::FailureKind::kCrash;
  failure.signal = status.signaled ? status.code : 0;
  const std::string type = text_of(lane.message_type, sizeof lane.message_type);
  std::string what = text_of(lane.message, sizeof lane.message);
  if (!type.empty()) {
    failure.thrown.push_back({type, what});
  } else {
    if (what.empty() && status.signaled) what = words_of(status.code);
    if (what.empty()) what = "_exit(" + std::to_string(status.code) + ")";
    failure.thrown.push_back({"", what});
  }
  failure.stack = stack_of(lane);
  convict(task,
          {std::move(failure), trouble.failures, trouble.nanoseconds, lines_of(lane.modules, sizeof lane.modules)});
}

void Supervisor::timed_out(std::uint64_t task, const Lane& lane) {
  Trouble& trouble = troubles_[task];
  ++trouble.failures;
  trouble.nanoseconds += time_at(task, lane);
  char limit[32];
  std::snprintf(limit, sizeof limit, "%.6g s", static_cast<double>(manifest_.timeout_ms) * 1e-3);
  log_.warn("task " + std::to_string(task) + " ran longer than " + limit + ", attempt " +
            std::to_string(trouble.failures) + " of " + std::to_string(1 + manifest_.retries));
  if (trouble.failures <= manifest_.retries) return;
  store::Failure failure;
  failure.kind = store::FailureKind::kTimeout;
  failure.thrown.push_back({"", std::string("ran longer than ") + limit});
  failure.stack = stack_of(lane);
  convict(task,
          {std::move(failure), trouble.failures, trouble.nanoseconds, lines_of(lane.modules, sizeof lane.modules)});
}

void Supervisor::note_last_words(const Executor& executor, std::uint64_t task) {
  const std::string printed = printed_path(plan_, executor.first, std::to_string(executor.generation));
  const std::uint64_t begin = (*control_)->lane[executor.first].printed.load();
  base::FileStatus status;
  if (env_.status(printed, status) < 0 || status.size <= begin) return;
  store::note_printed(env_, job_, printed, {task, 1, begin, status.size - begin, env_.wall_ns()});
}

void Supervisor::lost(std::uint64_t task, int signal) {
  Trouble& trouble = troubles_[task];
  ++trouble.lost;
  log_.warn("task " + std::to_string(task) + " was running when its process was killed from outside");
  if (trouble.lost < kLostBeforeFailing) return;
  store::Failure failure;
  failure.kind = store::FailureKind::kLost;
  failure.signal = signal;
  failure.thrown.push_back({"", "its process was killed " + std::to_string(trouble.lost) + " times from outside" +
                                    (signal == SIGKILL ? " (out of memory?)" : " (" + words_of(signal) + ")")});
  convict(task, {std::move(failure), trouble.lost});
}

/// Whether anything at all has ended well here.
bool Supervisor::proven() const {
  const Executor all{0, 0, options_.lanes + 1};
  return commits_of(all) > 0;
}

/// Where every task crashes while workers live on other machines, it is probably not the tasks that are broken.
void Supervisor::convict(std::uint64_t task, Verdict verdict) {
  if (!mailbox_ && !proven()) {
    if (!elsewhere_)
      elsewhere_ = std::make_unique<Elsewhere>(env_, job_, party_->self(), manifest_.lease_ms * 1'000'000);
    if (elsewhere_->look() != Elsewhere::Answer::kNobody) {
      doubtful_.emplace(task, std::move(verdict));
      return;
    }
  }
  record_failure(task, verdict);
}

void Supervisor::judge_doubtful() {
  constexpr std::size_t kMost = 3;
  if (doubtful_.empty() || (*control_)->stop.load() != 0) return;
  const auto others = proven() ? Elsewhere::Answer::kNobody : elsewhere_->look();
  if (others == Elsewhere::Answer::kNobody) {
    for (const auto& [task, verdict] : std::exchange(doubtful_, {})) {
      record_failure(task, verdict);
      const std::uint64_t claim = task / manifest_.claim;
      if (--claims_.at(claim).outstanding == 0) finish_claim(claim);
    }
    return;
  }
  std::uint64_t outstanding = 0;
  for (const auto& [index, claim] : claims_) outstanding += claim.outstanding;
  if (others == Elsewhere::Answer::kUnknown || (doubtful_.size() < kMost && outstanding > doubtful_.size())) return;
  const auto& failure = doubtful_.begin()->second.failure;
  throw base::Error(base::ExitCode::kBackendFailed,
                    "no task succeeded here, and " + std::to_string(doubtful_.size()) + " failed after " +
                        std::to_string(doubtful_.begin()->second.attempts) + " attempts each, the first with " +
                        failure.thrown[0].what + ": they are left to the workers on other machines");
}

void Supervisor::record_failure(std::uint64_t task, const Verdict& verdict) {
  const store::Failure& failure = verdict.failure;
  if (mailbox_) {
    if (const auto slot = mailbox_->find_unanswered(task)) {
      const auto request = mailbox_->view(*slot);
      const std::uint64_t index = task - request.first;
      const store::Place place = replies_->write_failure(failure, verdict.modules);
      std::memcpy(mailbox_->memory().at(request.places + index * sizeof place, sizeof place), &place, sizeof place);
      mailbox_->answer(*slot, index, std::array{store::TaskState::kFailed});
    }
    return;
  }
  store::LogWriter& log = own_log();
  const std::uint64_t now = env_.wall_ns();
  if (!failure.stack.empty()) {
    base::Bytes modules;
    store::encode_modules(verdict.modules, modules);
    log.append({store::FrameKind::kModules, 0, 0, 0, 0, now}, {modules});
  }
  base::Bytes payload;
  store::encode(failure, payload);
  log.append({store::FrameKind::kFailure, task, 1, verdict.nanoseconds, static_cast<std::uint16_t>(verdict.attempts),
              now - verdict.nanoseconds},
             {payload});
  if (doorbell_) doorbell_->ring();
}

}  // namespace jobhost::worker
