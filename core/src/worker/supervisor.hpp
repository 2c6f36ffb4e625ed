#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/env.hpp"
#include "base/log.hpp"
#include "bundle/manifest.hpp"
#include "store/doorbell.hpp"
#include "store/log_writer.hpp"
#include "store/party.hpp"
#include "store/result_arena.hpp"
#include "worker/background_sync.hpp"
#include "worker/control.hpp"
#include "worker/elsewhere.hpp"
#include "worker/launcher.hpp"
#include "worker/span_table.hpp"
#include "worker/work_source.hpp"

namespace jobhost::worker {

struct SupervisorOptions {
  std::string job_directory;    // absolute; empty: the host says through `host_fd` which job it is, see backend.hpp
  std::string manifest_sha256;  // what MANIFEST must hash to
  bool threads = false;         // one executor with all lanes, instead of one executor per lane
  unsigned lanes = 1;
  int host_fd = -1;               // a pipe whose other end the host holds: the worker stops when it closes
  int mailbox_fd = -1;            // of an open job
  std::uint64_t patience_ns = 0;  // for the job's files to be seen here, unless its host holds the pipe
};

/// A worker: claims ranges of tasks, has executors run them, blames crashes on the task that caused them, takes over
/// from dead workers, and marks the job done when every task is in a log. Runs on one thread.
class Supervisor {
 public:
  /// Verifies the manifest's digest before anything is parsed. `stop_requests` counts requests to end: the first lets
  /// running tasks finish, the second ends executors at once. The launcher is made by the caller because a simulated
  /// one runs lanes in this process; the plan it gets is complete unless the worker still waits for its job. Throws as
  /// run() does, and when too many workers failed on this machine (kBackendFailed).
  using MakeLauncher = std::function<std::unique_ptr<Launcher>(const Plan&)>;
  Supervisor(base::Env& env, SupervisorOptions options, store::Doorbell* doorbell, base::Log log,
             const std::atomic<int>& stop_requests, const MakeLauncher& make_launcher);
  ~Supervisor();

  /// Works until the job is done or a stop is asked for. Throws Error when the plugin is refused (kPluginRefused), the
  /// log cannot be written, executors cannot be started, or every task crashes here while workers live on other
  /// machines (kBackendFailed), or the job is damaged (kDamaged). Others take over at once what it claimed.
  void run();

 private:
  struct Executor {
    int handle = 0;
    unsigned first = 0, count = 0;
    bool running = false;
    unsigned generation = 0, failed_starts = 0;
    std::optional<std::uint64_t> overdue_task = std::nullopt;  // it ran too long: the executor is being ended
    std::uint64_t overdue_since = 0;
    std::uint64_t commits_before = 0;  // of its lanes, when it was started
  };
  struct Trouble {
    unsigned failures = 0, lost = 0;  // attempts that crashed or ran too long; that were ended from outside
    bool alone = false;               // nobody knows yet whether it was this task
    std::uint64_t nanoseconds = 0;    // that these attempts were seen to run
  };
  /// That a task has failed for good.
  struct Verdict {
    store::Failure failure;
    unsigned attempts = 0;
    std::uint64_t nanoseconds = 0;          // of all attempts
    std::vector<std::string> modules = {};  // that the stack refers to
  };
  /// What a lane is at, and since when it was seen there.
  struct Watched {
    std::optional<std::uint64_t> task;
    std::uint64_t since = 0;
  };

  void work();
  void give_up(const base::Error& error);
  void require_welcome(const store::Identity& self);
  void begin();
  void prepare();
  bool await_job();
  bool read_job();
  void launch(Executor& executor);
  void keep_code();
  void launch_more(std::size_t at_once, std::uint64_t tasks);
  void reap();
  void bury(Executor& executor, const base::ExitStatus& status);
  std::optional<std::uint64_t> task_of(const Lane& lane) const;
  std::uint64_t commits_of(const Executor& executor) const;
  void trim_logs(const Executor& executor);
  std::uint64_t time_at(std::uint64_t task, const Lane& lane);
  void suspect_all_begun(const Executor& executor, const base::ExitStatus& status);
  void crashed(std::uint64_t task, const Lane& lane, const base::ExitStatus& status, bool sure);
  void timed_out(std::uint64_t task, const Lane& lane);
  void note_last_words(const Executor& executor, std::uint64_t task);
  void watch(std::uint64_t now);
  void end_overdue(Executor& executor, std::uint64_t now);
  void lost(std::uint64_t task, int signal);
  void convict(std::uint64_t task, Verdict verdict);
  void record_failure(std::uint64_t task, const Verdict& verdict);
  bool proven() const;
  void judge_doubtful();
  void again(std::uint64_t claim, store::Interval tasks);
  bool able() const;
  void feed();
  void settle();
  void finish_claim(std::uint64_t claim);
  store::LogWriter& own_log();
  void tick();
  std::uint64_t at_scale(std::uint64_t period) const;
  void relieve(unsigned lane);
  bool host_gone();
  const char* reason_to_stop();  // nullptr without one
  void stop_lanes();
  void wake_lanes();
  void wait_for_executors();
  void write_done();

  base::Env& env_;
  SupervisorOptions options_;
  store::JobDirectory job_;
  store::Doorbell* doorbell_;
  base::Log log_;
  const std::atomic<int>& stop_requests_;
  bundle::Manifest manifest_;
  std::optional<store::Identity> self_;  // once the manifest is known to be the job's
  bool excluded_ = false;                // this machine, as its refusals say already
  std::unique_ptr<store::Party> party_;
  std::unique_ptr<store::Mailbox> mailbox_;      // of an open job, else null
  std::unique_ptr<store::ResultArena> replies_;  // likewise
  std::unique_ptr<WorkSource> source_;
  bool lags_ = false;                     // the job's file system may
  std::unique_ptr<BackgroundSync> sync_;  // with the policy "batch", or where only synced results are seen elsewhere
  std::unique_ptr<ControlMemory> control_;
  std::unique_ptr<Launcher> launcher_;
  std::unique_ptr<SpanTable> shared_, solo_;
  Plan plan_;
  std::unique_ptr<store::LogWriter> own_log_;  // opened when first needed
  std::string own_log_path_;
  std::vector<Executor> executors_;  // the solo executor last
  std::size_t cores_ = std::max(1u, std::thread::hardware_concurrency());
  unsigned generation_ = 0;

  struct OpenClaim {
    store::Interval tasks;
    std::uint64_t outstanding = 0, failed = 0;
    bool count_in_logs = false;
  };
  std::map<std::uint64_t, OpenClaim> claims_;
  std::map<std::uint64_t, Trouble> troubles_;  // by task
  std::map<std::uint64_t, Verdict> doubtful_;  // by task: not passed, since it may be this machine's fault
  std::unique_ptr<Elsewhere> elsewhere_;       // once there is doubt
  std::uint64_t last_claim_ns_ = 0, claim_period_ns_ = UINT64_MAX;
  std::uint64_t last_beat_ns_ = 0, last_look_ns_ = 0, last_ask_ns_ = 0, last_keep_ns_ = 0;
  std::vector<std::uint64_t> commits_seen_;  // by lane
  std::vector<Watched> watched_;             // by lane
  unsigned deaths_without_task_ = 0;
  bool cancelled_ = false, cancelled_now_ = false;
  std::uint64_t host_gone_since_ = 0;  // 0: it is there
};

}  // namespace jobhost::worker
