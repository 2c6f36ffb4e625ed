#include "worker/launcher.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <string_view>

#include "base/file.hpp"
#include "worker/log_names.hpp"

namespace jobhost::worker {

// The staged libraries come first because the loader matches a library without a soname by its file name only. The
// executor hides the variable from the kernel.
std::vector<std::string> executor_environment(const Plan& plan) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view variable(*entry);
    if (variable.starts_with("LD_PRELOAD=") || variable.starts_with("LD_AUDIT=") ||
        variable.starts_with("LD_LIBRARY_PATH=")) {
      continue;
    }
    result.emplace_back(variable);
  }
  std::string folders;
  for (const auto& library : plan.libraries) {
    folders += (folders.empty() ? "" : ":") + library.substr(0, library.rfind('/'));
  }
  if (!folders.empty()) result.push_back("LD_LIBRARY_PATH=" + folders);
  return result;
}

ProcessLauncher::ProcessLauncher(base::Env& env, std::string libexec, const Plan& plan)
    : env_(env), libexec_(std::move(libexec)), plan_(plan), environment_(executor_environment(plan)) {}

int ProcessLauncher::start(const ControlMemory& control, unsigned first, unsigned count, unsigned generation) {
  const base::File printed(env_, printed_path(plan_, first, std::to_string(generation)), O_WRONLY | O_CREAT | O_APPEND);
  base::SpawnRequest request;
  request.program = libexec_ + (count > 1 ? "/jobhost-executor-tbb" : "/jobhost-executor");
  request.arguments = {request.program, std::to_string(control.fd()), std::to_string(first), std::to_string(count),
                       std::to_string(generation)};
  request.environment = environment_;
  request.out = request.err = printed.fd();
  request.keep = {control.fd()};
  for (int fd : {plan_.doorbell_fd, plan_.mailbox_fd}) {
    if (fd >= 0) request.keep.push_back(fd);
  }
  const int pid = env_.spawn(request);
  if (pid < 0) base::throw_file_error(pid, "start", request.program);
  return pid;
}

bool ProcessLauncher::ended(int handle, base::ExitStatus& status) { return env_.wait(handle, false, status) == handle; }

void ProcessLauncher::kill(int handle) { env_.kill(handle, SIGKILL); }

void ProcessLauncher::abort(int handle) { env_.kill(handle, SIGABRT); }

}  // namespace jobhost::worker
