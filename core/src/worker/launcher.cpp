#include "worker/launcher.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <string_view>

#include "base/file.hpp"

namespace jobhost::worker {
namespace {

/// The environment without what would change which code the loader runs.
std::vector<std::string> clean_environment() {
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

}  // namespace

ProcessLauncher::ProcessLauncher(base::Env& env, std::string libexec, std::string printed, std::string worker_id,
                                 int doorbell_fd)
    : env_(env),
      libexec_(std::move(libexec)),
      printed_(std::move(printed)),
      worker_id_(std::move(worker_id)),
      doorbell_fd_(doorbell_fd) {}

int ProcessLauncher::start(const ControlMemory& control, unsigned first, unsigned count, unsigned generation) {
  const base::File printed(env_,
                           printed_ + "/" + worker_id_ + "." + std::to_string(first) + "." + std::to_string(generation),
                           O_WRONLY | O_CREAT | O_APPEND);
  base::SpawnRequest request;
  request.program = libexec_ + (count > 1 ? "/jobhost-executor-tbb" : "/jobhost-executor");
  request.arguments = {request.program, std::to_string(control.fd()), std::to_string(first), std::to_string(count),
                       std::to_string(generation)};
  request.environment = clean_environment();
  request.out = request.err = printed.fd();
  request.keep = {control.fd()};
  if (doorbell_fd_ >= 0) request.keep.push_back(doorbell_fd_);
  const int pid = env_.spawn(request);
  if (pid < 0) base::throw_file_error(pid, "start", request.program);
  return pid;
}

bool ProcessLauncher::ended(int handle, base::ExitStatus& status) { return env_.wait(handle, false, status) == handle; }

void ProcessLauncher::kill(int handle) { env_.kill(handle, SIGKILL); }

}  // namespace jobhost::worker
