#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "support/fault_env.hpp"

namespace jobhost::test {

/// Remembers what was synced, by path.
class SyncedEnv : public FaultEnv {
 public:
  int open(const std::string& path, int flags, mode_t mode) override {
    const int fd = FaultEnv::open(path, flags, mode);
    const std::lock_guard lock(mutex_);
    if (fd >= 0) paths_[fd] = path;
    return fd;
  }
  int sync(int fd) override {
    const int answer = FaultEnv::sync(fd);
    const std::lock_guard lock(mutex_);
    if (answer == 0) synced_.insert(paths_.at(fd));
    return answer;
  }
  std::multiset<std::string> synced() {
    const std::lock_guard lock(mutex_);
    return synced_;
  }

 private:
  std::mutex mutex_;
  std::map<int, std::string> paths_;
  std::multiset<std::string> synced_;
};

}  // namespace jobhost::test
