#include "repository.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

namespace jobhost::scan {
namespace {

using Clock = std::chrono::steady_clock;

/// The environment without what would make git look at another repository, or write to this one.
std::vector<std::string> environment_for_git() {
  std::vector<std::string> variables = {"GIT_OPTIONAL_LOCKS=0"};
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view variable(*entry);
    const bool elsewhere = variable.starts_with("GIT_DIR=") || variable.starts_with("GIT_WORK_TREE=") ||
                           variable.starts_with("GIT_INDEX_FILE=") || variable.starts_with("GIT_OPTIONAL_LOCKS=");
    if (!elsewhere) variables.emplace_back(variable);
  }
  return variables;
}

/// What comes out of the pipe until it ends; false when that is after the deadline.
bool read_all(int pipe, Clock::time_point deadline, std::string& text) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd ready{pipe, POLLIN, 0};
    if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) <= 0) return false;
    char buffer[4096];
    const ssize_t size = ::read(pipe, buffer, sizeof buffer);
    if (size <= 0) return size == 0;
    text.append(buffer, static_cast<std::size_t>(size));
  }
}

/// Standard output of git; nothing when it fails, is not there or takes too long.
std::optional<std::string> git(std::vector<std::string> words, Clock::time_point deadline) {
  words.insert(words.begin(), {"git", "-c", "core.fsmonitor=false"});
  std::vector<std::string> variables = environment_for_git();
  std::vector<char*> arguments, environment;
  for (auto& word : words) arguments.push_back(word.data());
  for (auto& variable : variables) environment.push_back(variable.data());
  arguments.push_back(nullptr);
  environment.push_back(nullptr);
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return std::nullopt;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const bool started = ::posix_spawnp(&pid, "git", &actions, nullptr, arguments.data(), environment.data()) == 0;
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(pipe[1]);
  std::string text;
  const bool complete = started && read_all(pipe[0], deadline, text);
  ::close(pipe[0]);
  if (!started) return std::nullopt;
  if (!complete) ::kill(pid, SIGKILL);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (!complete || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  return text;
}

}  // namespace

Revision revision_of(const std::string& source) {
  constexpr std::string_view kCommit = "# branch.oid ";
  const auto deadline = Clock::now() + std::chrono::seconds(2);
  const std::size_t slash = source.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : source.substr(0, slash);
  const std::string name = slash == std::string::npos ? source : source.substr(slash + 1);
  const auto status = git({"-C", folder, "status", "--porcelain=v2", "--branch", "--untracked-files=no"}, deadline);
  if (!status) return {};
  Revision revision;
  for (std::size_t begin = 0; begin < status->size();) {
    const std::size_t end = std::min(status->find('\n', begin), status->size());
    const std::string_view line = std::string_view(*status).substr(begin, end - begin);
    if (line.starts_with(kCommit)) revision.commit = line.substr(kCommit.size());
    if (!line.starts_with('#')) revision.dirty = true;
    begin = end + 1;
  }
  if (revision.commit.find_first_not_of("0123456789abcdef") != std::string::npos) return {};  // no commit yet
  if (!revision.dirty) {
    revision.dirty = !git({"-C", folder, "ls-files", "--error-unmatch", "--", ":(literal)" + name}, deadline);
  }
  return revision;
}

}  // namespace jobhost::scan
