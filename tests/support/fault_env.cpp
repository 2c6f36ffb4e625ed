#include "support/fault_env.hpp"

#include <algorithm>
#include <cerrno>

namespace jobhost::test {

bool FaultEnv::strikes(Call kind) {
  if (!fault_.kinds.empty() && std::find(fault_.kinds.begin(), fault_.kinds.end(), kind) == fault_.kinds.end()) {
    return false;
  }
  const std::uint64_t number = ++calls_;
  const bool now = fault_.at != 0 && (number == fault_.at || (fault_.lasting && number > fault_.at));
  if (now) struck_ = true;
  return now;
}

template <class Do>
auto FaultEnv::with_fault(Call kind, Do work) -> decltype(work()) {
  if (!strikes(kind)) return work();
  if (fault_.mode == Mode::kLostReply) work();
  return -fault_.error;
}

int FaultEnv::open(const std::string& path, int flags, mode_t mode) {
  return with_fault(Call::kOpen, [&] { return PosixEnv::open(path, flags, mode); });
}
int FaultEnv::open_beneath(const std::string& root, const std::string& name, int flags, mode_t mode) {
  return with_fault(Call::kOpen, [&] { return PosixEnv::open_beneath(root, name, flags, mode); });
}
int FaultEnv::close(int fd) {
  if (!strikes(Call::kClose)) return PosixEnv::close(fd);
  PosixEnv::close(fd);  // a failing close has closed
  return -fault_.error;
}
ssize_t FaultEnv::pread(int fd, void* data, std::size_t size, std::uint64_t offset) {
  return with_fault(Call::kRead, [&] { return PosixEnv::pread(fd, data, size, offset); });
}
ssize_t FaultEnv::read(int fd, void* data, std::size_t size) {
  return with_fault(Call::kRead, [&] { return PosixEnv::read(fd, data, size); });
}
ssize_t FaultEnv::write(int fd, const void* data, std::size_t size) {
  if (!strikes(Call::kWrite)) return PosixEnv::write(fd, data, size);
  if (fault_.mode == Mode::kShortWrite) return PosixEnv::write(fd, data, std::max<std::size_t>(1, size / 2));
  return -fault_.error;
}
int FaultEnv::sync(int fd) {
  return with_fault(Call::kSync, [&] { return PosixEnv::sync(fd); });
}
int FaultEnv::truncate(int fd, std::uint64_t size) {
  return with_fault(Call::kTruncate, [&] { return PosixEnv::truncate(fd, size); });
}
int FaultEnv::link(const std::string& from, const std::string& to) {
  return with_fault(Call::kLink, [&] { return PosixEnv::link(from, to); });
}
int FaultEnv::rename(const std::string& from, const std::string& to) {
  return with_fault(Call::kRename, [&] { return PosixEnv::rename(from, to); });
}
int FaultEnv::remove(const std::string& path) {
  return with_fault(Call::kRemove, [&] { return PosixEnv::remove(path); });
}
int FaultEnv::make_directory(const std::string& path, mode_t mode) {
  return with_fault(Call::kMakeDirectory, [&] { return PosixEnv::make_directory(path, mode); });
}
int FaultEnv::list(const std::string& path, std::vector<std::string>& names) {
  return with_fault(Call::kList, [&] { return PosixEnv::list(path, names); });
}
int FaultEnv::status(const std::string& path, base::FileStatus& status) {
  return with_fault(Call::kStatus, [&] { return PosixEnv::status(path, status); });
}
int FaultEnv::status(int fd, base::FileStatus& status) {
  return with_fault(Call::kStatus, [&] { return PosixEnv::status(fd, status); });
}
int FaultEnv::spawn(const base::SpawnRequest& request) {
  return with_fault(Call::kSpawn, [&] { return PosixEnv::spawn(request); });
}

}  // namespace jobhost::test
