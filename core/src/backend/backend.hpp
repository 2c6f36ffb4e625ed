#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/env.hpp"

/// Backends start workers and nothing else: what workers compute travels through the job directory.
namespace jobhost::backend {

/// What every backend starts: `<program> worker --job … --manifest …`. A worker that was prepared has only `--host-fd`:
/// it reads the directory and the digest from there, each ended by a zero byte, and ends when nothing comes.
struct WorkerCommand {
  std::string program;        // absolute path of jobhost
  std::string job_directory;  // absolute
  std::string manifest_sha256;
  int doorbell_fd = -1;                     // for workers on this machine; -1 without
  int mailbox_fd = -1;                      // of an open job, else -1
  std::vector<std::string> arguments = {};  // of the submission: a prepared worker's executors start with them
  std::uint64_t lease_ns = UINT64_MAX;      // a worker that is suspended for so long is replaced
};

/// How the workers of a job are.
struct Status {
  unsigned running = 0;   // started and not known to have ended
  unsigned restarts = 0;  // of workers that were killed
  int suspended = 0;      // pid of one that is suspended
};

/// One job's workers. Not for several threads at once. The destructor leaves no process behind, except when detached.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;
  /// What is run for a worker with so many lanes.
  virtual std::vector<std::string> command_line(const WorkerCommand& command, unsigned lanes) const = 0;
  /// Starts what can be started before the job is there: `command` is still without it. All of it ends with this object
  /// when `start` is never called.
  virtual void prepare(const WorkerCommand& command, unsigned lanes) = 0;
  /// Starts workers with `lanes` lanes in all, or hands the job to those that were prepared, which have the same lanes
  /// and descriptors. Throws Error(kBackendFailed) when none could be started.
  virtual void start(const WorkerCommand& command, unsigned lanes) = 0;
  /// Looks after them; `progress` is any number that grows while results come in. Workers that were killed are started
  /// again unless that happens repeatedly without progress: then, and when a worker gives up, Error is thrown. One that
  /// is suspended for its lease is killed; time in which nobody looked does not count, since this process may have been
  /// suspended with it.
  virtual Status look(std::uint64_t progress) = 0;
  /// Asks workers to commit what they have and end; `now`: without finishing running tasks, and look() kills those that
  /// still run some seconds later. Returns at once.
  virtual void stop(bool now) = 0;
};

/// Runs the command line of a worker (argv[0] included) in this process, and returns its exit code; throws nothing.
using RunWorker = std::function<int(const std::vector<std::string>& arguments)>;

/// "processes" (an executor process per lane) or "threads" (one executor process with TBB lanes) on this machine.
/// `detached`: the workers outlive this process and stop only when the job is done or cancelled. `run_worker`: given by
/// a program with a single thread, a copy of which then becomes the worker that is prepared, sooner than another
/// program could start.
std::unique_ptr<Backend> make_local(base::Env& env, const std::string& name, bool detached,
                                    const RunWorker& run_worker = nullptr);

}  // namespace jobhost::backend
