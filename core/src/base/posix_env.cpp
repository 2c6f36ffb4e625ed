#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/beneath.hpp"
#include "base/env.hpp"

namespace jobhost::base {
namespace {

constexpr int kLooks = 3;

template <class Call>
auto retry_interrupted(Call call) -> decltype(call()) {
  for (;;) {
    auto result = call();
    if (result >= 0) return result;
    if (errno != EINTR) return -errno;
  }
}

/// The same for a name. A network file system's client that remembers another file of this name, or another directory
/// on the way to it, finds that out by ESTALE, and asks the server the next time.
template <class Call>
auto look_up(Call call) -> decltype(call()) {
  auto result = retry_interrupted(call);
  for (int looks = 1; result == -ESTALE && looks < kLooks; ++looks) result = retry_interrupted(call);
  return result;
}

int result_of(int status) { return status < 0 ? -errno : status; }

void fill(const struct ::stat& from, FileStatus& to) {
  to.size = static_cast<std::uint64_t>(from.st_size);
  to.device = from.st_dev;
  to.inode = from.st_ino;
  to.links = from.st_nlink;
  to.mode = from.st_mode;
  to.owner = from.st_uid;
  to.group = from.st_gid;
  to.modified_ns = from.st_mtim.tv_sec * 1'000'000'000LL + from.st_mtim.tv_nsec;
}

std::uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000ULL + static_cast<std::uint64_t>(now.tv_nsec);
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const auto& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

/// A descriptor that is closed when its scope ends.
struct ScopedFd {
  int fd;
  ~ScopedFd() {
    if (fd >= 0) ::close(fd);
  }
};

constexpr int kDirectory = O_PATH | O_DIRECTORY | O_CLOEXEC;
constexpr int kNeverFollow = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

}  // namespace

int open_name_by_name(const std::string& root, const std::string& name, int flags, mode_t mode) {
  ScopedFd folder{look_up([&] { return ::open(root.c_str(), kDirectory); })};
  if (folder.fd < 0) return folder.fd;
  std::size_t begin = 0;
  for (std::size_t end; (end = name.find('/', begin)) != std::string::npos; begin = end + 1) {
    const std::string part = name.substr(begin, end - begin);
    if (part.empty() || part == "..") return -EXDEV;
    const int next = retry_interrupted([&] { return ::openat(folder.fd, part.c_str(), kDirectory | O_NOFOLLOW); });
    if (next == -ENOTDIR) {
      struct ::stat found {};  // O_DIRECTORY hides that it is a link
      return ::fstatat(folder.fd, part.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(found.st_mode) ? -ELOOP
                                                                                                            : next;
    }
    if (next < 0) return next;
    ::close(folder.fd);
    folder.fd = next;
  }
  const std::string last = name.substr(begin);
  if (last.empty() || last == "..") return -EXDEV;
  return retry_interrupted([&] { return ::openat(folder.fd, last.c_str(), flags | kNeverFollow, mode); });
}

int Env::open_beneath(const std::string& root, const std::string& name, int flags, mode_t mode) {
  return open(root + "/" + name, flags | kNeverFollow, mode);
}

int PosixEnv::open_beneath(const std::string& root, const std::string& name, int flags, mode_t mode) {
  const ScopedFd directory{look_up([&] { return ::open(root.c_str(), kDirectory); })};
  if (directory.fd < 0) return directory.fd;
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | kNeverFollow);
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const auto opened =
      look_up([&] { return static_cast<int>(::syscall(SYS_openat2, directory.fd, name.c_str(), &how, sizeof how)); });
  // Kernels before 5.6 do not have it, and sandboxes may forbid what they do not know.
  if (opened == -ENOSYS || opened == -EPERM || opened == -EAGAIN) {
    return open_name_by_name(root, name, flags, mode);
  }
  return opened;
}

int PosixEnv::open(const std::string& path, int flags, mode_t mode) {
  return look_up([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
}

int PosixEnv::close(int fd) { return result_of(::close(fd)); }

ssize_t PosixEnv::pread(int fd, void* data, std::size_t size, std::uint64_t offset) {
  return retry_interrupted([&] { return ::pread(fd, data, size, static_cast<off_t>(offset)); });
}

ssize_t PosixEnv::read(int fd, void* data, std::size_t size) {
  return retry_interrupted([&] { return ::read(fd, data, size); });
}

ssize_t PosixEnv::write(int fd, const void* data, std::size_t size) {
  return retry_interrupted([&] { return ::write(fd, data, size); });
}

int PosixEnv::sync(int fd) { return result_of(::fsync(fd)); }

int PosixEnv::truncate(int fd, std::uint64_t size) {
  return retry_interrupted([&] { return ::ftruncate(fd, static_cast<off_t>(size)); });
}

int PosixEnv::link(const std::string& from, const std::string& to) {
  return retry_interrupted([&] { return ::link(from.c_str(), to.c_str()); });
}

int PosixEnv::rename(const std::string& from, const std::string& to) {
  return retry_interrupted([&] { return ::rename(from.c_str(), to.c_str()); });
}

int PosixEnv::remove(const std::string& path) {
  return retry_interrupted([&] { return ::remove(path.c_str()); });
}

int PosixEnv::make_directory(const std::string& path, mode_t mode) {
  return retry_interrupted([&] { return ::mkdir(path.c_str(), mode); });
}

int PosixEnv::list(const std::string& path, std::vector<std::string>& names) {
  const int failure = look_up([&] {
    names.clear();
    DIR* directory = ::opendir(path.c_str());
    if (!directory) return -1;
    errno = 0;
    while (const dirent* entry = ::readdir(directory)) {
      std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(std::move(name));
    }
    const int reason = errno;
    ::closedir(directory);
    errno = reason;
    return reason == 0 ? 0 : -1;
  });
  std::sort(names.begin(), names.end());
  return failure;
}

int PosixEnv::status(const std::string& path, FileStatus& status) {
  struct ::stat raw {};
  if (const int failure = look_up([&] { return ::lstat(path.c_str(), &raw); }); failure < 0) return failure;
  fill(raw, status);
  return 0;
}

int PosixEnv::status(int fd, FileStatus& status) {
  struct ::stat raw {};
  if (const int failure = retry_interrupted([&] { return ::fstat(fd, &raw); }); failure < 0) return failure;
  fill(raw, status);
  return 0;
}

int PosixEnv::touch(const std::string& path) { return result_of(::utimensat(AT_FDCWD, path.c_str(), nullptr, 0)); }

std::int64_t PosixEnv::file_system(const std::string& path) {
  struct ::statfs status {};
  const int failure = look_up([&] { return ::statfs(path.c_str(), &status); });
  return failure < 0 ? failure : static_cast<std::int64_t>(status.f_type);
}

std::uint64_t PosixEnv::monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }

std::uint64_t PosixEnv::wall_ns() { return clock_ns(CLOCK_REALTIME); }

void PosixEnv::sleep_ns(std::uint64_t duration) {
  timespec span{static_cast<time_t>(duration / 1'000'000'000ULL), static_cast<long>(duration % 1'000'000'000ULL)};
  ::nanosleep(&span, nullptr);  // a signal ends the sleep early: callers look at their flags anyway
}

void PosixEnv::random(void* data, std::size_t size) {
  auto* bytes = static_cast<unsigned char*>(data);
  while (size > 0) {
    const ssize_t got = ::getrandom(bytes, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      std::perror("jobhost: getrandom");
      std::abort();  // no identity can be made without it
    }
    bytes += got;
    size -= static_cast<std::size_t>(got);
  }
}

int PosixEnv::spawn(const SpawnRequest& request) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  const int standard[3] = {request.in, request.out, request.err};
  // Descriptors already at 0..2 must not be overwritten before they are copied: sources are never below 3 here.
  for (int target = 0; target < 3; ++target) {
    if (standard[target] < 0) {
      ::posix_spawn_file_actions_addopen(&actions, target, "/dev/null", target == 0 ? O_RDONLY : O_WRONLY, 0);
    } else {
      ::posix_spawn_file_actions_adddup2(&actions, standard[target], target);
    }
  }
  for (int fd : request.keep) ::posix_spawn_file_actions_adddup2(&actions, fd, fd);  // clears close-on-exec
  short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  if (request.new_session) flags |= POSIX_SPAWN_SETSID;
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setflags(&attributes, flags);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  pid_t pid = -1;
  const int failure = ::posix_spawn(&pid, request.program.c_str(), &actions, &attributes,
                                    pointers(request.arguments).data(), pointers(request.environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  return failure ? -failure : pid;
}

int PosixEnv::fork(const SpawnRequest& request, const std::function<int()>& child) {
  const int pid = ::fork();
  if (pid != 0) return result_of(pid);
  if (request.new_session) ::setsid();
  const int standard[3] = {request.in, request.out, request.err};
  for (int target = 0; target < 3; ++target) {
    const int source =
        standard[target] >= 0 ? standard[target] : ::open("/dev/null", target == 0 ? O_RDONLY : O_WRONLY);
    ::dup2(source, target);
  }
  std::vector<int> kept = request.keep;
  std::sort(kept.begin(), kept.end());
  unsigned next = 3;
  for (int fd : kept) {
    const auto number = static_cast<unsigned>(fd);
    if (number > next) ::close_range(next, number - 1, 0);
    next = number + 1;
  }
  ::close_range(next, ~0U, 0);
  ::_exit(child());
}

int PosixEnv::wait(int pid, bool block, ExitStatus& status) {
  int raw = 0;
  const int reaped = retry_interrupted([&] { return ::waitpid(pid, &raw, block ? 0 : WNOHANG); });
  if (reaped <= 0) return reaped;
  status.signaled = WIFSIGNALED(raw);
  status.code = status.signaled ? WTERMSIG(raw) : WEXITSTATUS(raw);
  return reaped;
}

int PosixEnv::kill(int pid, int signal) { return result_of(::kill(pid, signal)); }

}  // namespace jobhost::base
