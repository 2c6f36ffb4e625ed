#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/env.hpp"
#include "bundle/calling_context.hpp"
#include "worker/control.hpp"
#include "worker/surroundings.hpp"

namespace jobhost::worker {

/// Starts executors for a supervisor. An executor runs lanes [first, first+count) of the control memory.
class Launcher {
 public:
  virtual ~Launcher() = default;
  /// What executors that are started from now on are surrounded by.
  virtual void surround(const bundle::CallingContext&, const Plan&) {}
  /// A handle > 0. `generation` counts the executors of this supervisor. Throws Error(kBackendFailed).
  virtual int start(const ControlMemory& control, unsigned first, unsigned count, unsigned generation) = 0;
  /// True once the executor ended; `status` then says how. Asked again for the same handle: undefined.
  virtual bool ended(int handle, base::ExitStatus& status) = 0;
  virtual void kill(int handle) = 0;
  /// Makes the running task's stack be noted, where that can be done, and ends the executor.
  virtual void abort(int handle) { kill(handle); }
};

/// Executors as child processes: the plain one for a single lane, the TBB one for several. Those that are left end with
/// this object.
class ProcessLauncher : public Launcher {
 public:
  /// `libexec`: the folder of the executors' programs. `keep`: descriptors they inherit; -1 for none. `arguments`: what
  /// the job's context will probably say; an executor that was started with others starts again.
  ProcessLauncher(base::Env& env, std::string libexec, std::vector<int> keep, std::vector<std::string> arguments);
  ProcessLauncher(const ProcessLauncher&) = delete;
  ProcessLauncher& operator=(const ProcessLauncher&) = delete;
  ~ProcessLauncher() override;
  void surround(const bundle::CallingContext& context, const Plan& plan) override;
  int start(const ControlMemory& control, unsigned first, unsigned count, unsigned generation) override;
  bool ended(int handle, base::ExitStatus& status) override;
  void kill(int handle) override;
  void abort(int handle) override;

 private:
  base::Env& env_;
  std::string libexec_;
  std::vector<int> keep_;
  Surroundings surroundings_;
  std::set<int> running_;
};

}  // namespace jobhost::worker
