#include "worker/launcher.hpp"

#include <signal.h>
#include <unistd.h>

#include "base/file.hpp"

namespace jobhost::worker {

ProcessLauncher::ProcessLauncher(base::Env& env, std::string libexec, std::vector<int> keep,
                                 std::vector<std::string> arguments)
    : env_(env), libexec_(std::move(libexec)), surroundings_(probable_surroundings(std::move(arguments))) {
  for (int fd : keep) {
    if (fd >= 0) keep_.push_back(fd);
  }
}

void ProcessLauncher::surround(const bundle::CallingContext& context, const Plan& plan) {
  surroundings_ = surroundings_of(context, plan);
}

ProcessLauncher::~ProcessLauncher() {
  for (int pid : running_) env_.kill(pid, SIGKILL);
  base::ExitStatus status;
  for (int pid : running_) env_.wait(pid, true, status);
}

int ProcessLauncher::start(const ControlMemory& control, unsigned first, unsigned count, unsigned generation) {
  base::SpawnRequest request;
  request.program = libexec_ + (count > 1 ? "/jobhost-executor-tbb" : "/jobhost-executor");
  request.arguments = surroundings_.arguments;
  request.environment = surroundings_.environment;
  request.environment.push_back(orders_variable({std::to_string(control.fd()), "lanes", std::to_string(first),
                                                 std::to_string(count), std::to_string(generation)}));
  request.out = request.err = STDERR_FILENO;  // until it has opened a file of its own
  request.keep = keep_;
  request.keep.push_back(control.fd());
  const int pid = env_.spawn(request);
  if (pid < 0) base::throw_file_error(pid, "start", request.program);
  running_.insert(pid);
  return pid;
}

bool ProcessLauncher::ended(int handle, base::ExitStatus& status) {
  if (env_.wait(handle, false, status) != handle) return false;
  running_.erase(handle);
  return true;
}

void ProcessLauncher::kill(int handle) { env_.kill(handle, SIGKILL); }

void ProcessLauncher::abort(int handle) { env_.kill(handle, SIGABRT); }

}  // namespace jobhost::worker
