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
  unsigned running = 0;    // started and not known to have ended, those that wait included
  unsigned restarts = 0;   // of workers that were killed
  int suspended = 0;       // pid of one that is suspended
  unsigned waiting = 0;    // lanes of those in a queue that wait for their turn
  std::string note = {};   // what users should know of them now, a sentence; "" for nothing
  bool taken_out = false;  // a queueing system ended all, at their time limit or since somebody cancelled them
};

/// Which backend, and what it is told besides.
struct Choice {
  std::string name = "processes";
  std::vector<std::string> options = {};  // "KEY=VALUE" for the system behind it
  bool auto_resubmit = false;             // workers that a queueing system ended for its own reasons come again
};

/// One job's workers. Not for several threads at once. The destructor leaves no process behind, except when detached.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;
  /// What would be run for so many lanes, as for a shell.
  virtual std::string plan(const WorkerCommand& command, unsigned lanes) = 0;
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
  /// Whether workers that were not asked to end go on when this process does.
  virtual bool go_on_alone() const { return false; }
};

/// Runs the command line of a worker (argv[0] included) in this process, and returns its exit code; throws nothing.
using RunWorker = std::function<int(const std::vector<std::string>& arguments)>;

/// Names of all backends.
const std::vector<std::string>& backend_names();
/// Whether its workers are on this machine, and end with this process.
bool is_local(const std::string& name);

/// "processes" (an executor process per lane) or "threads" (one executor process with TBB lanes) on this machine;
/// "slurm" (job arrays, or `srun` inside of an allocation), "mpi" (ranks that `mpirun` starts), "template" (any queue).
/// Options that it does not understand are Error(kUsage), what is missing is Error(kBackendFailed). `detached`: the
/// workers outlive this process and stop only when the job is done or cancelled. `run_worker`: given by a program with
/// a single thread, a copy of which then becomes the worker that is prepared, sooner than another program could start.
std::unique_ptr<Backend> make_backend(base::Env& env, const Choice& choice, bool detached,
                                      const RunWorker& run_worker = nullptr);

/// Takes workers of a job that is cancelled or removed out of the queue, and with `running` those that run as well.
/// Returns what went wrong as a sentence, "" for nothing. A job that was never in a queue is fine.
std::string withdraw(base::Env& env, const std::string& job_directory, bool running);

/// A word as a POSIX shell reads it.
std::string shell_word(const std::string& word);

}  // namespace jobhost::backend
