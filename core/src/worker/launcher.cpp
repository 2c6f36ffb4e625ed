#include "worker/launcher.hpp"

#include <signal.h>
#include <unistd.h>

#include <string_view>

#include "base/file.hpp"

namespace jobhost::worker {

std::string library_path(const Plan& plan) {
  std::string folders;
  for (const auto& library : plan.libraries) {
    folders += (folders.empty() ? "" : ":") + library.substr(0, library.rfind('/'));
  }
  return folders;
}

std::vector<std::string> executor_environment() {
  std::vector<std::string> result;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view variable(*entry);
    if (variable.starts_with("LD_PRELOAD=") || variable.starts_with("LD_AUDIT=") ||
        variable.starts_with("LD_LIBRARY_PATH=")) {
      continue;
    }
    result.emplace_back(variable);
  }
  return result;
}

ProcessLauncher::ProcessLauncher(base::Env& env, std::string libexec, std::vector<int> keep)
    : env_(env), libexec_(std::move(libexec)), environment_(executor_environment()) {
  for (int fd : keep) {
    if (fd >= 0) keep_.push_back(fd);
  }
}

ProcessLauncher::~ProcessLauncher() {
  for (int pid : running_) env_.kill(pid, SIGKILL);
  base::ExitStatus status;
  for (int pid : running_) env_.wait(pid, true, status);
}

int ProcessLauncher::start(const ControlMemory& control, unsigned first, unsigned count, unsigned generation) {
  base::SpawnRequest request;
  request.program = libexec_ + (count > 1 ? "/jobhost-executor-tbb" : "/jobhost-executor");
  request.arguments = {request.program, std::to_string(control.fd()), std::to_string(first), std::to_string(count),
                       std::to_string(generation)};
  request.environment = environment_;
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
