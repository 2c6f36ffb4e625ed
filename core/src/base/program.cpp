#include "base/program.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace jobhost::base {
namespace {

constexpr std::uint64_t kMostPrinted = 256 << 20;
constexpr std::uint64_t kMostPauseNs = 10'000'000;

File in_memory(Env& env) {
  const int fd = ::memfd_create("jobhost-program", MFD_CLOEXEC);
  if (fd < 0) throw_file_error(-errno, "make", "anonymous file");
  return File::adopt(env, "output of a program", fd);
}

}  // namespace

std::string program_path(const std::string& name) {
  const char* set = std::getenv("PATH");
  const std::string folders = set && *set ? set : "/usr/bin:/bin";
  for (std::size_t begin = 0; begin <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', begin), folders.size());
    const std::string path = folders.substr(begin, end - begin) + "/" + name;
    if (path[0] == '/' && ::access(path.c_str(), X_OK) == 0) return path;
    begin = end + 1;
  }
  return "";
}

std::string find_program(const std::string& name, const std::string& hint) {
  std::string path = program_path(name);
  if (!path.empty()) return path;
  throw Error(ExitCode::kBackendFailed, "there is no program '" + name + "' in PATH",
              hint.empty() ? "install " + name : hint);
}

std::string ProgramEnd::why() const {
  if (took_too_long) return "it did not answer";
  const std::size_t begin = complaints.find_first_not_of(" \n");
  if (begin != complaints.npos) return complaints.substr(begin, complaints.find('\n', begin) - begin);
  return status.signaled ? std::string("it was ended by ") + ::strsignal(status.code)
                         : "it ended with code " + std::to_string(status.code);
}

ProgramRun::ProgramRun(Env& env, std::vector<std::string> words, std::uint64_t limit_ns)
    : env_(env),
      printed_(in_memory(env)),
      complaints_(in_memory(env)),
      begin_ns_(env.monotonic_ns()),
      limit_ns_(limit_ns) {
  SpawnRequest request;
  request.program = words[0];
  request.arguments = std::move(words);
  for (char** entry = environ; *entry; ++entry) request.environment.emplace_back(*entry);
  request.out = printed_.fd();
  request.err = complaints_.fd();
  request.new_session = true;  // Ctrl-C is for this process; what it starts is killed with it
  pid_ = env_.spawn(request);
  if (pid_ < 0) throw_file_error(pid_, "start", request.program);
}

ProgramRun::~ProgramRun() {
  if (end_) return;
  env_.kill(-pid_, SIGKILL);
  ExitStatus status;
  env_.wait(pid_, true, status);
}

const std::optional<ProgramEnd>& ProgramRun::look() {
  if (end_) return end_;
  ExitStatus status;
  if (env_.wait(pid_, false, status) != pid_) {
    if (!took_too_long_ && env_.monotonic_ns() - begin_ns_ > limit_ns_) {
      took_too_long_ = true;
      env_.kill(-pid_, SIGKILL);
    }
    return end_;
  }
  const auto text = [](const File& file) { return std::string(as_text(read_file(file, kMostPrinted))); };
  end_ = ProgramEnd{status, took_too_long_, text(printed_), text(complaints_)};
  return end_;
}

ProgramEnd run_program(Env& env, std::vector<std::string> words, std::uint64_t limit_ns) {
  ProgramRun run(env, std::move(words), limit_ns);
  for (std::uint64_t pause = 100'000; !run.look(); pause = std::min(2 * pause, kMostPauseNs)) env.sleep_ns(pause);
  return *run.look();
}

}  // namespace jobhost::base
