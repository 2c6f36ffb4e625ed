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
#include "worker/launcher.hpp"
#include "worker/span_table.hpp"
#include "worker/work_source.hpp"

namespace jobhost::worker {

struct SupervisorOptions {
  std::string job_directory;    // absolute; empty: the host says through `host_fd` which job it is, see backend.hpp
  std::string manifest_sha256;  // what MANIFEST must hash to
  bool threads = false;         // one executor with all lanes, instead of one executor per lane
  unsigned lanes = 1;
  int host_fd = -1;     // a pipe whose other end the host holds: the worker stops when it closes
  int mailbox_fd = -1;  // of an open job
};

/// A worker: claims ranges of tasks, has executors run them, blames crashes on the task that caused them, takes over
/// from dead workers, and marks the job done when every task is in a log. Runs on one thread.
class Supervisor {
 public:
  /// Verifies the manifest's digest before anything is parsed. `stop_requests` counts requests to end: the first lets
  /// running tasks finish, the second ends executors at once. The launcher is made by the caller because a simulated
  /// one runs lanes in this process; the plan it gets is complete unless the worker still waits for its job.
  using MakeLauncher = std::function<std::unique_ptr<Launcher>(const Plan&)>;
  Supervisor(base::Env& env, SupervisorOptions options, store::Doorbell* doorbell, base::Log log,
             const std::atomic<int>& stop_requests, const MakeLauncher& make_launcher);
  ~Supervisor();

  /// Works until the job is done or a stop is asked for. Throws Error when the plugin is refused (kPluginRefused), the
  /// log cannot be written or executors cannot be started (kBackendFailed), or the job is damaged (kDamaged).
  void run();

 private:
  struct Executor {
    int handle = 0;
    unsigned first = 0, count = 0;
    bool running = false;
    unsigned generation = 0, failed_starts = 0;
    std::optional<std::uint64_t> overdue_task = std::nullopt;  // it ran too long: the executor is being ended
    std::uint64_t overdue_since = 0;
  };
  struct Trouble {
    unsigned failures = 0, lost = 0;  // attempts that crashed or ran too long; that were ended from outside
  };
  /// What a lane is at, and since when it was seen there.
  struct Watched {
    std::optional<std::uint64_t> task;
    std::uint64_t since = 0;
  };

  void prepare();
  bool await_job();
  void read_job();
  void launch(Executor& executor);
  void launch_more(std::size_t at_once, std::uint64_t tasks);
  void reap();
  void bury(Executor& executor, const base::ExitStatus& status);
  std::optional<std::uint64_t> task_of(const Lane& lane) const;
  void crashed(std::uint64_t task, const Lane& lane, const base::ExitStatus& status);
  void timed_out(std::uint64_t task, const Lane& lane);
  void note_last_words(const Executor& executor, std::uint64_t task);
  void end_overdue(Executor& executor, std::uint64_t now);
  void lost(std::uint64_t task);
  void record_failure(std::uint64_t task, const store::Failure& failure, unsigned attempts, const Lane* modules_of);
  void again(std::uint64_t claim, store::Interval tasks);
  void feed();
  void settle();
  void finish_claim(std::uint64_t claim);
  store::LogWriter& own_log();
  void tick();
  void relieve(unsigned lane);
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
  std::unique_ptr<store::Party> party_;
  std::unique_ptr<store::Mailbox> mailbox_;      // of an open job, else null
  std::unique_ptr<store::ResultArena> replies_;  // likewise
  std::unique_ptr<WorkSource> source_;
  std::unique_ptr<BackgroundSync> sync_;  // with the policy "batch"
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
  std::uint64_t last_claim_ns_ = 0, claim_period_ns_ = UINT64_MAX;
  std::uint64_t last_beat_ns_ = 0, last_look_ns_ = 0;
  std::vector<std::uint64_t> commits_seen_;  // by lane
  std::vector<Watched> watched_;             // by lane
  unsigned deaths_without_task_ = 0;
  bool cancelled_ = false, host_gone_ = false;
};

}  // namespace jobhost::worker
