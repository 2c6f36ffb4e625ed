#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace jobhost::base {

struct FileStatus {
  std::uint64_t size = 0;
  std::uint64_t device = 0, inode = 0;
  std::uint64_t links = 0;
  std::uint32_t mode = 0;  // st_mode
  std::uint32_t owner = 0, group = 0;
  std::int64_t modified_ns = 0;
};

/// A process to start. Descriptors other than 0, 1, 2 and those in `keep` are closed in it.
struct SpawnRequest {
  std::string program;                   // absolute path
  std::vector<std::string> arguments;    // argv[0] included
  std::vector<std::string> environment;  // "NAME=value"
  int in = -1, out = -1, err = -1;       // descriptors for 0, 1, 2; -1 means /dev/null
  std::vector<int> keep;                 // inherited under their own numbers
  bool new_session = false;              // setsid: no terminal, no signals from it
};

struct ExitStatus {
  bool signaled = false;
  int code = 0;  // exit code, or signal number
};

/// Every file, clock, process and random call goes through this interface, so that tests can make any of them fail.
/// File and process calls return a value >= 0, or -errno. All methods may be called from several threads.
class Env {
 public:
  virtual ~Env() = default;

  virtual int open(const std::string& path, int flags, mode_t mode = 0600) = 0;  // O_CLOEXEC is added
  /// Opens `name`, a relative path without "..", beneath the directory `root`: never through a symbolic link, so never
  /// outside of it (-ELOOP), and without waiting for the other end of a FIFO.
  virtual int open_beneath(const std::string& root, const std::string& name, int flags, mode_t mode = 0600);
  virtual int close(int fd) = 0;
  virtual ssize_t pread(int fd, void* data, std::size_t size, std::uint64_t offset) = 0;
  virtual ssize_t read(int fd, void* data, std::size_t size) = 0;
  virtual ssize_t write(int fd, const void* data, std::size_t size) = 0;  // may write less
  virtual int sync(int fd) = 0;                                           // fsync; never retried after a failure
  virtual int truncate(int fd, std::uint64_t size) = 0;
  virtual int link(const std::string& from, const std::string& to) = 0;
  virtual int rename(const std::string& from, const std::string& to) = 0;
  virtual int remove(const std::string& path) = 0;  // unlink, or rmdir for a directory
  virtual int make_directory(const std::string& path, mode_t mode = 0700) = 0;
  virtual int list(const std::string& path, std::vector<std::string>& names) = 0;  // sorted, without "." and ".."
  virtual int status(const std::string& path, FileStatus& status) = 0;             // follows no symbolic link
  virtual int status(int fd, FileStatus& status) = 0;
  virtual int touch(const std::string& path) = 0;                 // sets the time of the last change to now
  virtual std::int64_t file_system(const std::string& path) = 0;  // the kind of it: f_type of statfs(2), or -errno

  virtual std::uint64_t monotonic_ns() = 0;  // for intervals; never compared across hosts
  virtual std::uint64_t wall_ns() = 0;       // since 1970-01-01 UTC; for people only
  virtual void sleep_ns(std::uint64_t duration) = 0;
  virtual void random(void* data, std::size_t size) = 0;

  virtual int spawn(const SpawnRequest& request) = 0;  // pid
  /// Runs `child`, which does not throw, instead of a program: in a copy of this process that ends with what it
  /// returns. Only where this process has a single thread. Returns the copy's pid.
  virtual int fork(const SpawnRequest& request, const std::function<int()>& child) = 0;
  /// Reaps a child of this process. `block` false: 0 while it runs. Returns pid once reaped.
  virtual int wait(int pid, bool block, ExitStatus& status) = 0;
  virtual int kill(int pid, int signal) = 0;
};

/// The real thing. Holds no state.
class PosixEnv : public Env {
 public:
  int open(const std::string& path, int flags, mode_t mode) override;
  int open_beneath(const std::string& root, const std::string& name, int flags, mode_t mode) override;
  int close(int fd) override;
  ssize_t pread(int fd, void* data, std::size_t size, std::uint64_t offset) override;
  ssize_t read(int fd, void* data, std::size_t size) override;
  ssize_t write(int fd, const void* data, std::size_t size) override;
  int sync(int fd) override;
  int truncate(int fd, std::uint64_t size) override;
  int link(const std::string& from, const std::string& to) override;
  int rename(const std::string& from, const std::string& to) override;
  int remove(const std::string& path) override;
  int make_directory(const std::string& path, mode_t mode) override;
  int list(const std::string& path, std::vector<std::string>& names) override;
  int status(const std::string& path, FileStatus& status) override;
  int status(int fd, FileStatus& status) override;
  int touch(const std::string& path) override;
  std::int64_t file_system(const std::string& path) override;
  std::uint64_t monotonic_ns() override;
  std::uint64_t wall_ns() override;
  void sleep_ns(std::uint64_t duration) override;
  void random(void* data, std::size_t size) override;
  int spawn(const SpawnRequest& request) override;
  int fork(const SpawnRequest& request, const std::function<int()>& child) override;
  int wait(int pid, bool block, ExitStatus& status) override;
  int kill(int pid, int signal) override;
};

}  // namespace jobhost::base
