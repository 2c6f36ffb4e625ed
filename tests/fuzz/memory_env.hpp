#pragma once

#include <map>
#include <string>

#include "base/bytes.hpp"
#include "base/env.hpp"

namespace jobhost::fuzz {

/// Files in memory, whatever their names; everything else is the machine's. Descriptors are real ones (of memfds), so
/// that files can be mapped. Directories exist where somebody made them, or a file is beneath them.
class MemoryEnv : public base::PosixEnv {
 public:
  MemoryEnv() = default;
  MemoryEnv(const MemoryEnv&) = delete;
  MemoryEnv& operator=(const MemoryEnv&) = delete;
  ~MemoryEnv() override;

  /// A file with these bytes, in place of an earlier one.
  void put(const std::string& path, base::ByteView bytes);
  /// A name of the file for libraries that open files themselves.
  std::string outside_name(const std::string& path) const;

  int open(const std::string& path, int flags, mode_t mode) override;
  int open_beneath(const std::string& root, const std::string& name, int flags, mode_t mode) override {
    return Env::open_beneath(root, name, flags, mode);
  }
  int link(const std::string& from, const std::string& to) override;
  int rename(const std::string& from, const std::string& to) override;
  int remove(const std::string& path) override;
  int make_directory(const std::string& path, mode_t mode) override;
  int list(const std::string& path, std::vector<std::string>& names) override;
  int status(const std::string& path, base::FileStatus& status) override;
  int status(int fd, base::FileStatus& status) override {
    const int answer = PosixEnv::status(fd, status);
    status.mode &= ~022U;  // everybody may write to a memfd
    return answer;
  }

 private:
  static constexpr int kDirectory = -1;
  std::map<std::string, int> nodes_;  // descriptor of the memfd, or kDirectory
};

}  // namespace jobhost::fuzz
