#include "sim/file_server.hpp"

#include <fcntl.h>
#include <linux/magic.h>

#include <algorithm>

namespace jobhost::test {
namespace {

constexpr std::uint64_t kNamesPerList = 256;
constexpr std::uint64_t kBytesPerWrite = 1 << 20;
constexpr std::uint64_t kAttributesNs = 30 * kSecond;

std::uint64_t pieces(std::uint64_t size, std::uint64_t each) { return (size + each - 1) / each; }

}  // namespace

void FileServer::ask(std::size_t purpose, Operation operation, std::uint64_t times) {
  counts_.at(purpose)[static_cast<std::size_t>(operation)] += times;
  free_at_ = std::max(free_at_, world_.now) + times * each_;
  longest_wait_ = std::max(longest_wait_, free_at_ - world_.now);
  const std::uint64_t second = free_at_ / kSecond;
  if (by_second_.size() <= second) by_second_.resize(second + 1);
  by_second_[second] += static_cast<std::uint32_t>(times);
  fibers_.sleep_until(free_at_ + times * latency_);
}

int ServedEnv::open(const std::string& path, int flags, mode_t mode) {
  const bool served = !path.starts_with("/proc/");
  if (served) ask(!world_.find(path) && (flags & O_CREAT) ? Operation::kCreate : Operation::kOpen);
  const int fd = SimEnv::open(path, flags, mode);
  if (fd >= 0) open_[fd] = served ? world_.find(path) : nullptr;
  return fd;
}

void ServedEnv::write_out(const SimNode* node) {
  const auto left = cache_.unwritten.find(node);
  if (left == cache_.unwritten.end()) return;
  server_.carry(purpose, left->second);
  const std::uint64_t bytes = left->second;
  cache_.unwritten.erase(left);
  ask(Operation::kWrite, pieces(bytes, kBytesPerWrite));
}

int ServedEnv::close(int fd) {
  if (const SimNode* const node = std::exchange(open_[fd], nullptr)) {
    write_out(node);
    ask(Operation::kClose);
  }
  open_.erase(fd);
  return SimEnv::close(fd);
}

ssize_t ServedEnv::pread(int fd, void* data, std::size_t size, std::uint64_t offset) {
  if (open_[fd]) ask(Operation::kRead);
  const ssize_t got = SimEnv::pread(fd, data, size, offset);
  if (open_[fd] && got > 0) server_.carry(purpose, static_cast<std::uint64_t>(got));
  return got;
}

ssize_t ServedEnv::write(int fd, const void* data, std::size_t size) {
  const ssize_t written = SimEnv::write(fd, data, size);
  if (written > 0) cache_.unwritten[open_[fd]] += static_cast<std::uint64_t>(written);
  return written;
}

int ServedEnv::sync(int fd) {
  if (cache_.unwritten.contains(open_[fd])) {
    write_out(open_[fd]);
    ask(Operation::kCommit);
  }
  return SimEnv::sync(fd);
}

int ServedEnv::link(const std::string& from, const std::string& to) {
  ask(Operation::kLink);
  return SimEnv::link(from, to);
}

int ServedEnv::rename(const std::string& from, const std::string& to) {
  ask(Operation::kRename);
  return SimEnv::rename(from, to);
}

int ServedEnv::remove(const std::string& path) {
  ask(Operation::kRemove);
  return SimEnv::remove(path);
}

int ServedEnv::make_directory(const std::string& path, mode_t mode) {
  ask(Operation::kMakeDirectory);
  return SimEnv::make_directory(path, mode);
}

int ServedEnv::list(const std::string& path, std::vector<std::string>& names) {
  const SimNode* node = world_.find(path);
  const auto known = cache_.listed.find(node);
  if (!node || (known != cache_.listed.end() && known->second == node->modified)) {
    ask(Operation::kAttributes);
  } else {
    ask(Operation::kList, 1 + pieces(node->names.size(), kNamesPerList));
    cache_.listed[node] = node->modified;
  }
  // Looked up once for all clients: a simulation spends most of its time on this otherwise.
  auto& list = server_.lists[node];
  if (node && list.modified == node->modified && list.names.size() == node->names.size()) {
    names = list.names;
    return 0;
  }
  const int found = SimEnv::list(path, names);
  if (node && found >= 0) list = {node->modified, names};
  return found;
}

int ServedEnv::status(const std::string& path, base::FileStatus& status) {
  auto& until = cache_.attributes[world_.find(path)];
  if (until <= world_.now) {
    until = world_.now + kAttributesNs;
    ask(Operation::kAttributes);
  }
  return SimEnv::status(path, status);
}

std::int64_t ServedEnv::file_system(const std::string&) {
  ask(Operation::kAttributes);
  return NFS_SUPER_MAGIC;
}

void ServedEnv::sleep_ns(std::uint64_t duration) { fibers_.sleep_until(world_.now + duration); }

}  // namespace jobhost::test
