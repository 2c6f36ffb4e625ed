// Starts a command and strikes at the n-th system call of one of its processes: a disk that is full, a file server that
// does not answer, or the end of a process, at every place where they can happen. For Linux on x86-64.
//
// usage: at_call [--role ROLE] [--calls SET] [--from main] [--at N] [--do ACTION] [--report FILE] [--list] COMMAND...
//
// ROLE    host: the command itself; worker: its child processes; executor: theirs
// SET     all: every system call; files: calls on files other than those of /proc, /sys and /dev, among them
//         growing: those that may need room on disk; transfers: reads and writes of at least two bytes; links: link()
// N       counted from 1 over all processes of the role; 0 counts, and does nothing
// ACTION  kill            SIGKILL instead of the call
//         kill-after      SIGKILL when it has been done
//         tear            half of a write, then SIGKILL
//         fail:NAME       the call is not made, and fails with this errno. A close() is made all the same
//         fail-on:NAME    the same from the n-th call on: for conditions that stay
//         lose:NAME       the call is made, and fails all the same: the reply was lost
//         halve           half of what was to be read or written
// --from main             counts a started program from the first line of its main() on, not the dynamic loader's calls
// --report                lines: "hit N CALL PATH" for what was struck, with --list "call N CALL PATH" for all that
// were
//                         counted, at the end "counted N"
//
// Waits for all processes, also detached ones; ends like the command. When it is killed itself, so are all of them.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#ifndef __x86_64__
#error "system calls are read from the registers of x86-64"
#endif

namespace {

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "at_call: %s\n", what.c_str());
  std::exit(125);
}

/// Where a call says which file it is about.
enum class Names { kDescriptor, kPath, kAt };

struct Call {
  const char* name;
  Names names;
  int argument;   // of the descriptor or path; for kAt the directory's descriptor, with the path behind it
  bool grows;     // what is on disk
  int size = -1;  // argument of a transfer that says how many bytes
};

const std::map<long, Call> kFileCalls = {
    {SYS_read, {"read", Names::kDescriptor, 0, false, 2}},
    {SYS_pread64, {"pread64", Names::kDescriptor, 0, false, 2}},
    {SYS_write, {"write", Names::kDescriptor, 0, true, 2}},
    {SYS_pwrite64, {"pwrite64", Names::kDescriptor, 0, true, 2}},
    {SYS_copy_file_range, {"copy_file_range", Names::kDescriptor, 2, true, 4}},
    {SYS_sendfile, {"sendfile", Names::kDescriptor, 0, true, 3}},
    {SYS_open, {"open", Names::kPath, 0, false}},  // grows with O_CREAT, see below
    {SYS_openat, {"openat", Names::kAt, 0, false}},
    {SYS_openat2, {"openat2", Names::kAt, 0, false}},
    {SYS_close, {"close", Names::kDescriptor, 0, false}},
    {SYS_stat, {"stat", Names::kPath, 0, false}},
    {SYS_lstat, {"lstat", Names::kPath, 0, false}},
    {SYS_fstat, {"fstat", Names::kDescriptor, 0, false}},
    {SYS_newfstatat, {"newfstatat", Names::kAt, 0, false}},
    {SYS_statx, {"statx", Names::kAt, 0, false}},
    {SYS_access, {"access", Names::kPath, 0, false}},
    {SYS_faccessat, {"faccessat", Names::kAt, 0, false}},
    {SYS_faccessat2, {"faccessat2", Names::kAt, 0, false}},
    {SYS_readlink, {"readlink", Names::kPath, 0, false}},
    {SYS_readlinkat, {"readlinkat", Names::kAt, 0, false}},
    {SYS_getdents64, {"getdents64", Names::kDescriptor, 0, false}},
    {SYS_fsync, {"fsync", Names::kDescriptor, 0, true}},
    {SYS_fdatasync, {"fdatasync", Names::kDescriptor, 0, true}},
    {SYS_syncfs, {"syncfs", Names::kDescriptor, 0, true}},
    {SYS_ftruncate, {"ftruncate", Names::kDescriptor, 0, true}},
    {SYS_fallocate, {"fallocate", Names::kDescriptor, 0, true}},
    {SYS_link, {"link", Names::kPath, 1, true}},
    {SYS_linkat, {"linkat", Names::kAt, 2, true}},
    {SYS_symlink, {"symlink", Names::kPath, 1, true}},
    {SYS_rename, {"rename", Names::kPath, 1, true}},
    {SYS_renameat, {"renameat", Names::kAt, 2, true}},
    {SYS_renameat2, {"renameat2", Names::kAt, 2, true}},
    {SYS_mkdir, {"mkdir", Names::kPath, 0, true}},
    {SYS_mkdirat, {"mkdirat", Names::kAt, 0, true}},
    {SYS_rmdir, {"rmdir", Names::kPath, 0, false}},
    {SYS_unlink, {"unlink", Names::kPath, 0, false}},
    {SYS_unlinkat, {"unlinkat", Names::kAt, 0, false}},
    {SYS_chmod, {"chmod", Names::kPath, 0, false}},
    {SYS_fchmod, {"fchmod", Names::kDescriptor, 0, false}},
    {SYS_fchmodat, {"fchmodat", Names::kAt, 0, false}},
    {SYS_utimensat, {"utimensat", Names::kAt, 0, false}},
    {SYS_flock, {"flock", Names::kDescriptor, 0, false}},
};

const std::map<std::string, int> kErrors = {{"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EIO", EIO},
                                            {"ESTALE", ESTALE}, {"EINTR", EINTR},   {"EEXIST", EEXIST},
                                            {"EACCES", EACCES}, {"EROFS", EROFS},   {"EMFILE", EMFILE}};

enum class Action { kNothing, kKill, kKillAfter, kTear, kFail, kFailOn, kLose, kHalve };

struct Options {
  unsigned role = 0;
  std::string calls = "all";
  bool from_main = false;
  unsigned long at = 0;
  Action action = Action::kNothing;
  int error = 0;
  std::FILE* report = nullptr;
  bool list = false;
  std::vector<char*> command;
};

Options options_of(int argc, char** argv) {
  const std::map<std::string, unsigned> roles = {{"host", 0}, {"worker", 1}, {"executor", 2}};
  const std::map<std::string, Action> actions = {{"kill", Action::kKill},      {"kill-after", Action::kKillAfter},
                                                 {"tear", Action::kTear},      {"fail", Action::kFail},
                                                 {"fail-on", Action::kFailOn}, {"lose", Action::kLose},
                                                 {"halve", Action::kHalve}};
  Options options;
  int i = 1;
  const auto value = [&] { return ++i < argc ? std::string(argv[i]) : std::string(); };
  for (; i < argc && argv[i][0] == '-'; ++i) {
    const std::string option = argv[i];
    if (option == "--role") {
      const auto role = roles.find(value());
      if (role == roles.end()) die("--role is host, worker or executor");
      options.role = role->second;
    } else if (option == "--calls") {
      options.calls = value();
      if (!std::set<std::string>{"all", "files", "growing", "transfers", "links"}.contains(options.calls))
        die("--calls is all, files, growing, transfers or links");
    } else if (option == "--from") {
      if (value() != "main") die("--from knows only main");
      options.from_main = true;
    } else if (option == "--at") {
      options.at = std::strtoul(value().c_str(), nullptr, 10);
    } else if (option == "--do") {
      const std::string word = value();
      const auto colon = std::min(word.find(':'), word.size());
      const auto action = actions.find(word.substr(0, colon));
      if (action == actions.end()) die("--do does not know '" + word + "'");
      options.action = action->second;
      if (colon < word.size()) {
        const auto error = kErrors.find(word.substr(colon + 1));
        if (error == kErrors.end()) die("--do does not know the error of '" + word + "'");
        options.error = error->second;
      }
    } else if (option == "--report") {
      options.report = std::fopen(value().c_str(), "we");
      if (!options.report) die("cannot write the report");
    } else if (option == "--list") {
      options.list = true;
    } else {
      die("unknown option '" + option + "'");
    }
  }
  options.command.assign(argv + i, argv + argc);
  options.command.push_back(nullptr);
  if (options.command.size() < 2) die("no command");
  return options;
}

struct Process {
  unsigned role;  // how many generations below the command
  bool in_main;
};

struct Thread {
  std::shared_ptr<Process> process;
  Action then = Action::kNothing;
};

std::string link_at(const std::string& path) {
  char target[4096];
  const ssize_t size = ::readlink(path.c_str(), target, sizeof target);
  std::string text(target, size > 0 ? static_cast<std::size_t>(size) : 0);
  constexpr std::string_view kDeleted = " (deleted)";
  if (text.ends_with(kDeleted)) text.resize(text.size() - kDeleted.size());
  return text;
}

class Tracer {
 public:
  explicit Tracer(Options options) : options_(std::move(options)) {}

  int run() {
    start();
    while (!threads_.empty() || !early_.empty()) {
      int status = 0;
      const int tid = ::waitpid(-1, &status, __WALL);
      if (tid < 0 && errno == EINTR) continue;
      if (tid < 0) break;
      stopped(tid, status);
    }
    if (options_.report) std::fprintf(options_.report, "counted %lu\n", count_);
    if (WIFSIGNALED(root_status_)) return 128 + WTERMSIG(root_status_);
    return WEXITSTATUS(root_status_);
  }

 private:
  void start() {
    int gate[2];
    if (::pipe2(gate, O_CLOEXEC) < 0) die("no pipe");
    root_ = ::fork();
    if (root_ == 0) {
      char byte;
      if (::read(gate[0], &byte, 1) != 1) ::_exit(125);
      ::execvp(options_.command[0], options_.command.data());
      ::_exit(127);
    }
    const long follow = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                        PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (::ptrace(PTRACE_SEIZE, root_, 0, follow) < 0) die(std::string("cannot trace: ") + std::strerror(errno));
    ::ptrace(PTRACE_INTERRUPT, root_, 0, 0);
    threads_[root_].process = std::make_shared<Process>(Process{0, false});
    if (::write(gate[1], "", 1) != 1) die("no pipe");
    ::close(gate[0]);
    ::close(gate[1]);
  }

  void go_on(int tid, int signal = 0) { ::ptrace(PTRACE_SYSCALL, tid, 0, signal); }

  void stopped(int tid, int status) {
    if (!WIFSTOPPED(status)) {
      if (tid == root_) root_status_ = status;
      threads_.erase(tid);
      early_.erase(tid);
      return;
    }
    if (!threads_.contains(tid)) {
      early_.insert(tid);  // its parent has not been heard yet
      return;
    }
    const int signal = WSTOPSIG(status), event = status >> 16;
    if (signal == (SIGTRAP | 0x80)) return system_call(tid, threads_[tid]);
    switch (event) {
      case PTRACE_EVENT_FORK:
      case PTRACE_EVENT_VFORK:
      case PTRACE_EVENT_CLONE:
        born(tid);
        return go_on(tid);
      case PTRACE_EVENT_EXEC:
        threads_[tid].process->in_main = false;
        return go_on(tid);
      case PTRACE_EVENT_STOP:
        if (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU) {
          ::ptrace(PTRACE_LISTEN, tid, 0, 0);
          return;
        }
        return go_on(tid);
      default:
        return go_on(tid, signal);
    }
  }

  void born(int parent) {
    unsigned long child = 0;
    if (::ptrace(PTRACE_GETEVENTMSG, parent, 0, &child) < 0) return;
    const int tid = static_cast<int>(child);
    const auto& process = threads_[parent].process;
    const bool thread = thread_group(tid) != tid;
    // A copy is in main() where its parent is; a started program once it gets there.
    threads_[tid].process = thread ? process : std::make_shared<Process>(Process{process->role + 1, process->in_main});
    if (early_.erase(tid) > 0) go_on(tid);
  }

  static int thread_group(int tid) {
    std::FILE* file = std::fopen(("/proc/" + std::to_string(tid) + "/status").c_str(), "re");
    int group = tid;
    char line[256];
    while (file && std::fgets(line, sizeof line, file)) {
      if (std::sscanf(line, "Tgid: %d", &group) == 1) break;
    }
    if (file) std::fclose(file);
    return group;
  }

  void system_call(int tid, Thread& thread) {
    user_regs_struct registers{};
    if (::ptrace(PTRACE_GETREGS, tid, 0, &registers) < 0) return;  // killed meanwhile
    __ptrace_syscall_info info{};
    ::ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof info, &info);
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
      enter(tid, thread, registers);
    } else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
      leave(tid, thread, registers);
    }
    go_on(tid);
  }

  void enter(int tid, Thread& thread, user_regs_struct& registers) {
    const auto number = static_cast<long>(registers.orig_rax);
    Process& process = *thread.process;
    // The first things that the main() of jobhost, and that of an executor, do.
    const bool first_of_main = (number == SYS_fcntl && registers.rdi == 0 && registers.rsi == F_GETFD) ||
                               (number == SYS_prctl && registers.rdi == PR_SET_PDEATHSIG);
    if (first_of_main) process.in_main = true;
    if (process.role != options_.role || (options_.from_main && !process.in_main)) return;
    const auto known = kFileCalls.find(number);
    const Call* call = known == kFileCalls.end() ? nullptr : &known->second;
    const std::string path = call ? path_of(tid, *call, registers) : "";
    if (!counts(number, call, path, tid, registers)) return;
    ++count_;
    const std::string name = call ? call->name : "call-" + std::to_string(number);
    if (options_.list) std::fprintf(options_.report, "call %lu %s %s\n", count_, name.c_str(), path.c_str());
    const bool stays = options_.action == Action::kFailOn && options_.at > 0 && count_ > options_.at;
    if (count_ != options_.at && !stays) return;
    if (options_.report && !stays) {
      std::fprintf(options_.report, "hit %lu %s %s\n", count_, name.c_str(), path.c_str());
      std::fflush(options_.report);
    }
    strike(tid, thread, number, call, registers);
  }

  void strike(int tid, Thread& thread, long number, const Call* call, user_regs_struct& registers) {
    thread.then = options_.action;
    const bool skip = (options_.action == Action::kFail || options_.action == Action::kFailOn) && number != SYS_close;
    if (options_.action == Action::kKill || skip) {
      registers.orig_rax = ~0ULL;  // no such call
      ::ptrace(PTRACE_SETREGS, tid, 0, &registers);
    }
    if (options_.action == Action::kKill) ::kill(tid, SIGKILL);
    if ((options_.action == Action::kHalve || options_.action == Action::kTear) && call && call->size >= 0) {
      unsigned long long& size = argument(registers, call->size);
      size /= 2;
      ::ptrace(PTRACE_SETREGS, tid, 0, &registers);
    }
  }

  void leave(int tid, Thread& thread, user_regs_struct& registers) {
    switch (std::exchange(thread.then, Action::kNothing)) {
      case Action::kKillAfter:
      case Action::kTear:
        ::kill(tid, SIGKILL);
        return;
      case Action::kFail:
      case Action::kFailOn:
      case Action::kLose:
        registers.rax = static_cast<unsigned long long>(-static_cast<long long>(options_.error));
        ::ptrace(PTRACE_SETREGS, tid, 0, &registers);
        return;
      default:
        return;
    }
  }

  bool counts(long number, const Call* call, const std::string& path, int tid,
              const user_regs_struct& registers) const {
    if (options_.calls == "all") return true;
    if (!call || path.empty()) return false;
    if (options_.calls == "growing") return call->grows || creates(number, tid, registers);
    if (options_.calls == "links") return number == SYS_link || number == SYS_linkat;
    if (options_.calls == "transfers") {
      auto copy = registers;
      return call->size >= 0 && argument(copy, call->size) >= 2;
    }
    return true;
  }

  static bool creates(long number, int tid, const user_regs_struct& registers) {
    std::uint64_t flags = 0;
    if (number == SYS_open) flags = registers.rsi;
    if (number == SYS_openat) flags = registers.rdx;
    if (number == SYS_openat2) read_memory(tid, registers.rdx, &flags, sizeof flags);
    return (flags & (O_CREAT | O_TRUNC)) != 0;
  }

  static unsigned long long& argument(user_regs_struct& registers, int number) {
    unsigned long long* const places[] = {&registers.rdi, &registers.rsi, &registers.rdx,
                                          &registers.r10, &registers.r8,  &registers.r9};
    return *places[number];
  }

  /// The file of a call; "" where it is none on a disk.
  static std::string path_of(int tid, const Call& call, user_regs_struct registers) {
    const auto number = [&](int i) { return std::to_string(static_cast<int>(argument(registers, i))); };
    const std::string process = "/proc/" + std::to_string(tid);
    std::string path;
    if (call.names == Names::kDescriptor) {
      path = link_at(process + "/fd/" + number(call.argument));
    } else {
      const bool at = call.names == Names::kAt;
      path = text_at(tid, argument(registers, call.argument + (at ? 1 : 0)));
      if (path.empty() || path[0] != '/') {
        const bool here = !at || static_cast<int>(argument(registers, call.argument)) == AT_FDCWD;
        const std::string folder = link_at(here ? process + "/cwd" : process + "/fd/" + number(call.argument));
        path = path.empty() ? folder : folder + "/" + path;
      }
    }
    const bool real = path.starts_with('/') && !path.starts_with("/memfd:");
    for (const char* other : {"/proc", "/sys", "/dev"}) {
      if (path == other || path.starts_with(std::string(other) + "/")) return "";
    }
    return real ? path : "";
  }

  static bool read_memory(int tid, std::uint64_t address, void* data, std::size_t size) {
    const iovec here{data, size}, there{reinterpret_cast<void*>(address), size};
    return ::process_vm_readv(tid, &here, 1, &there, 1, 0) == static_cast<ssize_t>(size);
  }

  static std::string text_at(int tid, std::uint64_t address) {
    std::string text;
    for (char byte = 0; text.size() < 4096 && read_memory(tid, address + text.size(), &byte, 1) && byte != 0;) {
      text.push_back(byte);
    }
    return text;
  }

  Options options_;
  int root_ = 0, root_status_ = 0;
  unsigned long count_ = 0;
  std::map<int, Thread> threads_;
  std::set<int> early_;  // stopped before their parents were heard
};

}  // namespace

int main(int argc, char** argv) { return Tracer(options_of(argc, argv)).run(); }
