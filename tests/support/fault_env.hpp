#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "base/env.hpp"

namespace jobhost::test {

enum class Call {
  kOpen,
  kClose,
  kRead,
  kWrite,
  kSync,
  kTruncate,
  kLink,
  kRename,
  kRemove,
  kMakeDirectory,
  kList,
  kStatus,
  kSpawn
};

/// The real Env with a fault planted: the n-th call (counted from 1) of the watched kinds fails with an errno, writes
/// only half, or does its work and then says it did not. Counts calls whether it fails them or not.
class FaultEnv : public base::PosixEnv {
 public:
  enum class Mode { kFail, kShortWrite, kLostReply };
  struct Fault {
    std::uint64_t at = 0;  // 0: never
    int error = 0;
    Mode mode = Mode::kFail;
    std::vector<Call> kinds;  // empty: every kind
    bool lasting = false;     // all later calls fail too, as on a full disk
  };

  void plant(Fault fault) {
    fault_ = std::move(fault);
    calls_ = 0;
  }
  std::uint64_t calls() const { return calls_; }
  bool struck() const { return struck_; }

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
  int status(const std::string& path, base::FileStatus& status) override;
  int status(int fd, base::FileStatus& status) override;
  int spawn(const base::SpawnRequest& request) override;

 private:
  bool strikes(Call kind);
  template <class Do>
  auto with_fault(Call kind, Do work) -> decltype(work());

  Fault fault_;
  std::atomic<std::uint64_t> calls_{0};
  std::atomic<bool> struck_{false};
};

}  // namespace jobhost::test
