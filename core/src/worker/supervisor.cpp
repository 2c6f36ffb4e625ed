#include "worker/supervisor.hpp"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/file.hpp"
#include "store/done.hpp"
#include "store/refusals.hpp"
#include "worker/claim_source.hpp"
#include "worker/crash_guard.hpp"
#include "worker/mailbox_source.hpp"
#include "worker/stage.hpp"

namespace jobhost::worker {
namespace {

constexpr std::uint64_t kTickNs = 20'000'000;
constexpr std::uint64_t kLookNs = 50'000'000;    // cancel flag, host, long batches
constexpr std::uint64_t kAskNs = 1'000'000'000;  // cancel flag, where each look is a question to a server
constexpr std::uint64_t kBeatNs = 1'000'000'000;
constexpr std::uint64_t kBeatsPerLease = 10;  // where that is rarer
// What is committed just after one sync waits for the next, and for the disk: within the second that is promised.
constexpr std::uint64_t kSyncNs = 500'000'000;
constexpr std::uint64_t kManyWorkers = 1000;         // of twice as many, each asks and syncs half as often
constexpr std::uint64_t kQuickClaimNs = 50'000'000;  // claims used up faster than this are fetched ahead
constexpr std::uint64_t kGraceNs = 2'000'000'000;    // for running tasks after the host died
constexpr std::uint64_t kAbortNs = 500'000'000;      // for an overdue task's stack to be noted
constexpr std::uint64_t kKeepCodeNs = 1'800'000'000'000;
constexpr unsigned kLostBeforeAlone = 3;

}  // namespace

Supervisor::Supervisor(base::Env& env, SupervisorOptions options, store::Doorbell* doorbell, base::Log log,
                       const std::atomic<int>& stop_requests, const MakeLauncher& make_launcher)
    : env_(env),
      options_(std::move(options)),
      job_(options_.job_directory),
      doorbell_(doorbell),
      log_(std::move(log)),
      stop_requests_(stop_requests) {
  try {
    prepare();
    if (options_.job_directory.empty()) {
      launcher_ = make_launcher(plan_);
      launch_more(std::max<std::size_t>(1, cores_ - 1), UINT64_MAX);  // the host has something to do, too
      if (!await_job()) return;
    }
    if (!read_job()) return;
    control_->publish(plan_);
    if (!launcher_) launcher_ = make_launcher(plan_);
    begin();
  } catch (const base::Error& error) {
    give_up(error);
    throw;
  }
}

/// Executors start while this process looks what there is to do.
void Supervisor::begin() {
  launcher_->surround(manifest_.context, plan_);
  launch_more(cores_, manifest_.open ? UINT64_MAX : manifest_.tasks);
  if (mailbox_) {
    source_ = std::make_unique<MailboxSource>(*mailbox_);
  } else {
    source_ = std::make_unique<ClaimSource>(env_, job_, manifest_, options_.manifest_sha256, *party_);
    // Where the file system lags, what is not synced is seen elsewhere when its file is closed, or half a minute later.
    if (manifest_.sync == base::SyncPolicy::kBatch || (lags_ && manifest_.sync == base::SyncPolicy::kProcess))
      sync_ =
          std::make_unique<BackgroundSync>(env_, job_, party_->self().id, std::chrono::nanoseconds(at_scale(kSyncNs)));
    own_log();  // nothing is claimed by a worker that cannot write
  }
  log_.info("worker " + party_->self().id + " of job " + manifest_.job + " (" +
            (manifest_.open ? "open" : std::to_string(manifest_.tasks) + " tasks") + "), " +
            std::to_string(options_.lanes) + (options_.threads ? " threads" : " processes"));
}

Supervisor::~Supervisor() = default;

void Supervisor::run() {
  if (!source_) return;  // there was no job
  try {
    work();
  } catch (const base::Error& error) {
    give_up(error);
    throw;
  }
}

void Supervisor::work() {
  while (!source_->everything_done()) {
    if (const char* reason = reason_to_stop()) {
      log_.info(std::string("stopping: ") + reason);
      wait_for_executors();
      settle();
      if (source_->everything_done()) break;  // a host that has read the last result is gone at once
      if (sync_) sync_->finish();
      source_->give_up();
      party_->leave();
      return;
    }
    const std::uint32_t bell = (*control_)->bell.load();
    reap();
    settle();
    feed();
    launch_more(cores_, shared_->untaken());
    tick();
    if (source_->everything_done()) break;
    store::futex_wait((*control_)->bell, bell, kTickNs);
  }
  if (sync_) sync_->finish();
  if ((*control_)->cut.load() != 0) {
    throw base::Error(base::ExitCode::kDamaged,
                      "a task cut the log of a worker short through a file descriptor that it had not opened: results "
                      "that were committed there are lost",
                      "jobhost resume " + manifest_.job + " computes them again");
  }
  write_done();
  wait_for_executors();
  party_->leave();
}

/// Says why, and leaves what it claimed to others.
void Supervisor::give_up(const base::Error& error) {
  if (control_) stop_lanes();
  launcher_.reset();
  // What is damaged may be so only as this machine sees it, as long as nothing was begun.
  const bool is_refusal = error.code() == base::ExitCode::kPluginRefused ||
                          error.code() == base::ExitCode::kBackendFailed ||
                          (error.code() == base::ExitCode::kDamaged && self_ && !source_);
  if (is_refusal && !excluded_ && !options_.job_directory.empty()) {
    store::add_refusal(env_, job_, self_, static_cast<int>(error.code()), error.what());
  }
  if (!party_) return;
  try {
    if (source_) source_->give_up();
    party_->leave();
  } catch (const base::Error&) {
    // The disk is full or gone: others wait for the lease.
  }
}

/// Tasks are claimed once an executor has loaded the code.
bool Supervisor::able() const {
  if (mailbox_) return true;
  return std::any_of(executors_.begin(), executors_.end(), [&](const Executor& executor) {
    const LaneState state = (*control_)->lane[executor.first].state.load();
    return executor.running && (state == LaneState::kIdle || state == LaneState::kRunning);
  });
}

void Supervisor::feed() {
  if (claims_.empty() && !able()) return;
  const bool ahead = claim_period_ns_ < kQuickClaimNs;
  while (shared_->untaken() < (ahead ? std::max<std::uint64_t>(2 * options_.lanes, 2 * manifest_.claim) : 1)) {
    const auto work = source_->next();
    if (!work) return;
    if (!work->dead_owner.empty()) {
      log_.info("took over claim " + std::to_string(work->claim) + " from worker " + work->dead_owner);
    }
    const std::uint64_t now = env_.monotonic_ns();
    if (last_claim_ns_ != 0) claim_period_ns_ = now - last_claim_ns_;
    last_claim_ns_ = now;
    OpenClaim& claim = claims_[work->claim];
    claim.tasks = work->tasks;
    claim.count_in_logs = work->missing.size() != 1 || work->missing[0] != work->tasks;
    for (const auto& tasks : work->missing) {
      claim.outstanding += tasks.size();
      shared_->add(work->claim, tasks);
    }
    if (mailbox_) mailbox_->wake_lanes();  // they sleep there
    if (claim.outstanding == 0) finish_claim(work->claim);
  }
}

void Supervisor::settle() {
  for (auto* table : {shared_.get(), solo_.get()}) {
    table->settle(
        source_->done(), [this] { source_->refresh(); },
        [this](std::uint64_t index, std::uint64_t tasks, std::uint64_t failed) {
          OpenClaim& claim = claims_.at(index);
          claim.outstanding -= tasks;
          claim.failed += failed;
          if (claim.outstanding == 0) finish_claim(index);
        },
        [this](std::uint64_t claim, store::Interval tasks) { again(claim, tasks); });
  }
}

void Supervisor::again(std::uint64_t index, store::Interval tasks) {
  OpenClaim& claim = claims_.at(index);
  claim.outstanding += tasks.size();
  claim.count_in_logs = true;
  // A task under suspicion runs alone, so that no neighbour suffers with it.
  for (auto suspect = troubles_.lower_bound(tasks.first); suspect != troubles_.end() && suspect->first < tasks.end;
       ++suspect) {
    const Trouble& trouble = suspect->second;
    if (trouble.failures == 0 && trouble.lost < kLostBeforeAlone && !trouble.alone) continue;
    if (suspect->first > tasks.first) shared_->add(index, {tasks.first, suspect->first});
    if (!doubtful_.contains(suspect->first)) solo_->add(index, {suspect->first, suspect->first + 1});
    tasks.first = suspect->first + 1;
  }
  if (tasks.first < tasks.end) shared_->add(index, tasks);
  wake_lanes();
  Executor& solo = executors_.back();
  if (solo_->untaken() > 0 && !solo.running) launch(solo);
}

void Supervisor::finish_claim(std::uint64_t index) {
  const OpenClaim claim = claims_.at(index);
  claims_.erase(index);
  std::uint64_t failed = claim.failed;
  if (claim.count_in_logs) {
    source_->refresh_claim(index);
    failed = source_->failed_within(claim.tasks);
  }
  base::Bytes payload;
  base::append_value(payload, claim.tasks.size() - failed);
  base::append_value(payload, failed);
  own_log().append({store::FrameKind::kClaimDone, claim.tasks.first, claim.tasks.size(), 0, 0, env_.wall_ns()},
                   {payload});
  source_->claim_finished(index, claim.tasks.size() - failed, failed);
}

store::LogWriter& Supervisor::own_log() {
  if (!own_log_) {
    own_log_ = std::make_unique<store::LogWriter>(env_, own_log_path_, store::binary_id(party_->self().id),
                                                  options_.lanes + 1, store::binary_id(options_.manifest_sha256),
                                                  manifest_.sync == base::SyncPolicy::kStrict);
  }
  return *own_log_;
}

void Supervisor::tick() {
  const std::uint64_t now = env_.monotonic_ns();
  if (now - last_beat_ns_ >= std::max(kBeatNs, manifest_.lease_ms * 1'000'000 / kBeatsPerLease)) {
    last_beat_ns_ = now;
    party_->beat();
  }
  if (sync_) sync_->throw_failure();
  if (now - last_keep_ns_ >= kKeepCodeNs) keep_code();
  const bool look = now - last_look_ns_ >= kLookNs;
  if (look || manifest_.timeout_ms > 0) watch(now);
  for (auto& executor : executors_) {
    if (executor.running && manifest_.timeout_ms > 0) end_overdue(executor, now);
  }
  if (!look) return;
  last_look_ns_ = now;
  if (!lags_ || now - last_ask_ns_ >= at_scale(kAskNs)) {
    last_ask_ns_ = now;
    cancelled_ = job_.is_cancelled(env_);
    cancelled_now_ = cancelled_ && job_.is_cancelled_now(env_);
  }
  for (unsigned i = 0; i <= options_.lanes; ++i) relieve(i);
  judge_doubtful();
}

/// The period of what is a question to a server, so that very many workers together ask no more often than many do.
std::uint64_t Supervisor::at_scale(std::uint64_t period) const {
  return period * std::max<std::uint64_t>(kManyWorkers, manifest_.workers / options_.lanes) / kManyWorkers;
}

/// Executors that start later need the code where it was staged: jobhost gc is told that it is in use, and what
/// somebody removed from the cache is copied again.
void Supervisor::keep_code() {
  last_keep_ns_ = env_.monotonic_ns();
  if (plan_.plugin.empty()) return;
  std::vector<std::string> files = plan_.libraries;
  files.push_back(plan_.plugin);
  for (const auto& file : files) {
    env_.touch(file.substr(0, file.rfind('/')));
    if (base::exists(env_, file)) continue;
    stage_code(env_, job_, manifest_);
    return;
  }
}

/// Tasks that take longer than was foreseen: the lane commits what it has, and others run what is behind them.
void Supervisor::relieve(unsigned i) {
  Lane& lane = (*control_)->lane[i];
  if (lane.state.load() != LaneState::kRunning) return;
  const std::uint64_t commits = lane.commits.load();
  if (std::exchange(commits_seen_[i], commits) != commits) return;
  lane.set_stop(1);
  if (i == options_.lanes || options_.lanes == 1) return;
  if (const auto behind = cut_call(lane)) {
    const auto claim = shared_->give_away(behind->span, {behind->first, behind->first + behind->count});
    if (claim) claims_.at(*claim).outstanding += behind->count;
  }
  wake_lanes();
}

/// Notes which tasks run, and tells the host which of them has done so longest.
void Supervisor::watch(std::uint64_t now) {
  store::Doorbell::Running longest;
  for (const auto& executor : executors_) {
    for (unsigned i = executor.first; i < executor.first + executor.count; ++i) {
      const auto task = executor.running ? task_of((*control_)->lane[i]) : std::nullopt;
      if (task != watched_[i].task) watched_[i] = {task, now};
      if (task && (longest.since_ns == 0 || watched_[i].since < longest.since_ns)) longest = {*task, watched_[i].since};
    }
  }
  if (doorbell_) doorbell_->set_longest_running(longest);
}

void Supervisor::end_overdue(Executor& executor, std::uint64_t now) {
  if (executor.overdue_task) {
    if (now - executor.overdue_since > kAbortNs) launcher_->kill(executor.handle);
    return;
  }
  for (unsigned i = executor.first; i < executor.first + executor.count; ++i) {
    const auto& task = watched_[i].task;
    if (!task || now - watched_[i].since < manifest_.timeout_ms * 1'000'000) continue;
    executor.overdue_task = task;
    executor.overdue_since = now;
    // A signal to a process with several lanes would be noted for the wrong one.
    return executor.count == 1 ? launcher_->abort(executor.handle) : launcher_->kill(executor.handle);
  }
}

bool Supervisor::host_gone() {
  if (options_.host_fd < 0 || host_gone_since_ != 0) return host_gone_since_ != 0;
  pollfd host{options_.host_fd, 0, 0};
  const bool gone = ::poll(&host, 1, 0) == 1 && (host.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
  if (gone) host_gone_since_ = env_.monotonic_ns();
  return gone;
}

const char* Supervisor::reason_to_stop() {
  if (host_gone()) return "the host is gone";
  if (cancelled_) return "the job was cancelled";
  return stop_requests_.load() > 0 ? "asked to" : nullptr;
}

void Supervisor::stop_lanes() {
  Control& control = **control_;
  control.stop.store(1);
  for (unsigned i = 0; i <= options_.lanes; ++i) control.lane[i].set_stop(1);
  wake_lanes();
}

void Supervisor::wake_lanes() {
  for (Queue* queue : {&(*control_)->shared, &(*control_)->solo}) {
    queue->wake.fetch_add(1);
    store::futex_wake_all(queue->wake);
  }
  if (mailbox_) mailbox_->wake_lanes();
}

void Supervisor::wait_for_executors() {
  const int requests = stop_requests_.load();
  base::ExitStatus status;
  for (;;) {
    stop_lanes();  // again each time: a lane may just have begun a batch
    const bool abandoned = host_gone() && env_.monotonic_ns() - host_gone_since_ > kGraceNs;
    bool any = false;
    for (auto& executor : executors_) {
      if (!executor.running) continue;
      if (launcher_->ended(executor.handle, status)) {
        executor.running = false;
        for (unsigned i = 0; i < executor.count; ++i) {
          Lane& lane = (*control_)->lane[executor.first + i];
          if (lane.state.load() == LaneState::kLogFailed)
            throw base::Error(base::ExitCode::kBackendFailed, lane.message);
          lane.taken_first.store(lane.taken_end.load());
        }
        continue;
      }
      any = true;
      const bool starting = (*control_)->lane[executor.first].state.load() == LaneState::kStarting;  // it has no task
      const bool at_once = cancelled_now_ || stop_requests_.load() > std::max(requests, 1);
      if (starting || abandoned || at_once) launcher_->kill(executor.handle);
    }
    if (!any) return;
    const std::uint32_t bell = (*control_)->bell.load();
    tick();
    store::futex_wait((*control_)->bell, bell, 2'000'000);
  }
}

void Supervisor::write_done() {
  if (const auto totals = source_->totals()) {
    const auto [ok, failed] = *totals;
    store::write_done(env_, job_, party_->self().id, ok, failed, manifest_.sync != base::SyncPolicy::kProcess);
    log_.info("done: " + std::to_string(ok) + " tasks succeeded, " + std::to_string(failed) + " failed");
  }
  if (doorbell_) doorbell_->ring();
}

}  // namespace jobhost::worker
