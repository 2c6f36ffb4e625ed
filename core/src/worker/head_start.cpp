// How a supervisor gets from nothing to a job and executors.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/beneath.hpp"
#include "base/checksum.hpp"
#include "base/lag.hpp"
#include "bundle/pack_reader.hpp"
#include "store/notes.hpp"
#include "store/refusals.hpp"
#include "worker/arrival.hpp"
#include "worker/log_names.hpp"
#include "worker/machine.hpp"
#include "worker/stage.hpp"
#include "worker/supervisor.hpp"
#include "worker/surroundings.hpp"

namespace jobhost::worker {

/// All that needs no job.
void Supervisor::prepare() {
  options_.lanes = std::clamp(options_.lanes, 1u, kMaxLanes);
  plan_.doorbell_fd = doorbell_ ? doorbell_->fd() : -1;
  plan_.mailbox_fd = options_.mailbox_fd;
  control_ = std::make_unique<ControlMemory>(options_.lanes, ::getpid());
  Control& control = **control_;
  std::vector<Lane*> lanes;
  for (unsigned i = 0; i < options_.lanes; ++i) lanes.push_back(&control.lane[i]);
  shared_ = std::make_unique<SpanTable>(control.shared, lanes);
  solo_ = std::make_unique<SpanTable>(control.solo, std::vector<Lane*>{&control.lane[options_.lanes]});
  commits_seen_.resize(options_.lanes + 1, UINT64_MAX);
  watched_.resize(options_.lanes + 1);
  const unsigned each = options_.threads ? options_.lanes : 1;
  for (unsigned first = 0; first < options_.lanes; first += each) executors_.push_back({0, first, each});
  executors_.push_back({0, options_.lanes, 1});
}

/// False when the host ended first. What this worker says goes into the job directory from then on.
bool Supervisor::await_job() {
  std::string text;  // directory and digest, each ended by a zero
  while (std::count(text.begin(), text.end(), '\0') < 2) {
    pollfd host{options_.host_fd, POLLIN, 0};
    if (::poll(&host, 1, -1) < 0 && stop_requests_.load() > 0) return false;
    if (host.revents == 0) continue;
    char part[4096];
    const ssize_t got = env_.read(options_.host_fd, part, sizeof part);
    if (got <= 0) return false;
    text.append(part, static_cast<std::size_t>(got));
  }
  options_.job_directory = text.c_str();
  options_.manifest_sha256 = text.c_str() + options_.job_directory.size() + 1;
  job_ = store::JobDirectory(options_.job_directory);
  const auto words = base::open_beneath(env_, job_.path(), job_.printed() + "/worker", O_WRONLY | O_CREAT | O_APPEND);
  for (int standard : {STDOUT_FILENO, STDERR_FILENO}) ::dup2(words.fd(), standard);
  return true;
}

/// Verifies all of the job that is needed, and makes it a plan. False when a stop was asked for before it was there.
bool Supervisor::read_job() {
  Arrival arrival(env_, job_, stop_requests_, options_.host_fd < 0 ? options_.patience_ns : 0);
  if (!arrival.await({job_.manifest()})) return false;
  lags_ = base::may_lag(env_, job_.path());
  for (const auto& note : store::require_trusted(env_, job_)) log_.warn(note);
  const base::Bytes manifest = base::read_beneath(env_, job_.path(), job_.manifest(), bundle::kManifestLimit);
  if (base::sha256_hex(manifest) != options_.manifest_sha256) {
    throw base::Error(base::ExitCode::kDamaged, "'" + job_.manifest() + "' is not the manifest that was submitted",
                      "its SHA-256 differs from the one given to this worker");
  }
  Plan& plan = plan_;
  plan.manifest_json = base::as_text(manifest);
  manifest_ = bundle::manifest_from_json(plan.manifest_json, job_.manifest());
  store::Identity self = store::make_identity(env_, "worker");
  require_welcome(self);
  self_ = std::move(self);
  if (!arrival.await(files_of(job_, manifest_))) return false;
  bundle::verify_packs(env_, job_.path(), manifest_.inputs, manifest_.kernel);
  const StagedCode code = stage_code(env_, job_, manifest_);
  const auto differing = check_machine(env_, manifest_, code);
  party_ = std::make_unique<store::Party>(env_, job_, *self_);
  party_->beat();
  for (const auto& name : manifest_.context.secret) {
    if (std::getenv(name.c_str())) continue;
    store::add_note(env_, job_, party_->self().id,
                    {"environment", "the environment variable '" + name +
                                        "', which tasks are to see, is not set where workers were started"});
  }
  for (const auto& text : differing) store::add_note(env_, job_, party_->self().id, {"system_library", text});
  plan.job_directory = job_.path();
  plan.manifest_sha256 = options_.manifest_sha256;
  plan.worker_id = party_->self().id;
  plan.plugin = code.plugin;
  plan.libraries = code.libraries;
  plan.secrets = secrets_of(manifest_.context);
  if (manifest_.open) {
    if (options_.mailbox_fd < 0) {
      throw base::Error(base::ExitCode::kUsage, "job " + manifest_.job + " is open: only its host can start workers",
                        "its tasks are in the host's memory");
    }
    mailbox_ = std::make_unique<store::Mailbox>(options_.mailbox_fd);
    mailbox_->forget_dead_lanes();
    replies_ = std::make_unique<store::ResultArena>(*mailbox_, options_.lanes + 1);
  }

  const std::string folder = log_path(plan, 0, "0");
  base::make_directories_beneath(env_, job_.path(), folder.substr(0, folder.rfind('/')));
  own_log_path_ = log_path(plan, options_.lanes + 1, "0");
  return true;
}

/// A machine on which worker after worker fails would only keep others waiting for what it claims.
void Supervisor::require_welcome(const store::Identity& self) {
  if (!store::any_refused(env_, job_)) return;
  std::size_t failures = 0;
  std::string reason;
  for (const auto& refusal : store::read_refusals(env_, job_)) {
    if (refusal.hostname != self.hostname || refusal.boot != self.boot) continue;
    ++failures;
    reason = refusal.reason;
  }
  if (failures < store::kRefusalsThatExclude) return;
  excluded_ = true;
  throw base::Error(base::ExitCode::kBackendFailed,
                    "this machine, " + self.hostname + ", is excluded from job " + manifest_.job + ": " +
                        std::to_string(failures) + " workers failed here",
                    "the last said: " + reason + "\n'jobhost resume " + job_.path() + "' admits it again");
}

/// Starts executors while fewer than `at_once` are starting and there are more tasks than executors without one: all at
/// the same time would delay the first result.
void Supervisor::launch_more(std::size_t at_once, std::uint64_t tasks) {
  std::uint64_t starting = 0, idle = 0;
  for (std::size_t i = 0; i + 1 < executors_.size(); ++i) {
    if (!executors_[i].running) continue;
    const LaneState state = (*control_)->lane[executors_[i].first].state.load();
    starting += state == LaneState::kStarting;
    idle += state == LaneState::kIdle;
  }
  for (std::size_t i = 0; i + 1 < executors_.size() && starting < at_once && starting + idle < tasks; ++i) {
    if (executors_[i].handle != 0) continue;
    launch(executors_[i]);
    ++starting;
  }
}

void Supervisor::launch(Executor& executor) {
  if (executor.handle != 0) keep_code();  // it starts again, perhaps long after the code was staged
  for (unsigned i = 0; i < executor.count; ++i) {
    (*control_)->lane[executor.first + i].state.store(LaneState::kStarting);
    (*control_)->lane[executor.first + i].printed.store(0);
    watched_[executor.first + i] = {};
  }
  executor.overdue_task.reset();
  executor.commits_before = commits_of(executor);
  executor.generation = generation_++;
  executor.handle = launcher_->start(*control_, executor.first, executor.count, executor.generation);
  executor.running = true;
}

}  // namespace jobhost::worker
