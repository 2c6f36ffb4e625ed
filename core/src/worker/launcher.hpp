#pragma once

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/env.hpp"
#include "worker/control.hpp"

namespace jobhost::worker {

/// Starts executors for a supervisor. An executor runs lanes [first, first+count) of the control memory.
class Launcher {
 public:
  virtual ~Launcher() = default;
  /// A handle > 0. `generation` counts the executors of this supervisor. Throws Error(kBackendFailed).
  virtual int start(const ControlMemory& control, unsigned first, unsigned count, unsigned generation) = 0;
  /// True once the executor ended; `status` then says how. Asked again for the same handle: undefined.
  virtual bool ended(int handle, base::ExitStatus& status) = 0;
  virtual void kill(int handle) = 0;
  /// Makes the running task's stack be noted, where that can be done, and ends the executor.
  virtual void abort(int handle) { kill(handle); }
};

/// The environment that an executor starts with: without what would change which code the loader runs, and with the
/// staged libraries first where it searches.
std::vector<std::string> executor_environment(const Plan& plan);

/// Executors as child processes: the plain one for a single lane, the TBB one for several. What they print goes to
/// `printed/<worker>.<lane>.<generation>` in the job directory.
class ProcessLauncher : public Launcher {
 public:
  /// `libexec`: the folder of the executors' programs.
  ProcessLauncher(base::Env& env, std::string libexec, const Plan& plan);
  int start(const ControlMemory& control, unsigned first, unsigned count, unsigned generation) override;
  bool ended(int handle, base::ExitStatus& status) override;
  void kill(int handle) override;
  void abort(int handle) override;

 private:
  base::Env& env_;
  std::string libexec_;
  Plan plan_;
  std::vector<std::string> environment_;
};

}  // namespace jobhost::worker
