#include "memory_env.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace jobhost::fuzz {

MemoryEnv::~MemoryEnv() {
  for (const auto& [path, fd] : nodes_) {
    if (fd != kDirectory) ::close(fd);
  }
}

void MemoryEnv::put(const std::string& path, base::ByteView bytes) {
  remove(path);
  const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (fd < 0 || PosixEnv::write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) std::abort();
  close(fd);
}

std::string MemoryEnv::outside_name(const std::string& path) const {
  return "/proc/self/fd/" + std::to_string(nodes_.at(path));
}

int MemoryEnv::open(const std::string& path, int flags, mode_t) {
  auto node = nodes_.find(path);
  if (node == nodes_.end()) {
    if ((flags & O_CREAT) == 0) return -ENOENT;
    const int made = ::memfd_create("fuzz", MFD_CLOEXEC);
    if (made < 0) std::abort();
    node = nodes_.emplace(path, made).first;
  } else if (flags & O_EXCL) {
    return -EEXIST;
  }
  if (node->second == kDirectory) return -EISDIR;
  return PosixEnv::open(outside_name(path), flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW), 0);
}

int MemoryEnv::link(const std::string& from, const std::string& to) {
  const auto node = nodes_.find(from);
  if (node == nodes_.end()) return -ENOENT;
  return nodes_.emplace(to, ::dup(node->second)).second ? 0 : -EEXIST;
}

int MemoryEnv::rename(const std::string& from, const std::string& to) {
  const auto node = nodes_.find(from);
  if (node == nodes_.end()) return -ENOENT;
  const int fd = node->second;
  nodes_.erase(node);
  remove(to);
  nodes_.emplace(to, fd);
  return 0;
}

int MemoryEnv::remove(const std::string& path) {
  const auto node = nodes_.find(path);
  if (node == nodes_.end()) return -ENOENT;
  if (node->second != kDirectory) ::close(node->second);
  nodes_.erase(node);
  return 0;
}

int MemoryEnv::make_directory(const std::string& path, mode_t) {
  return nodes_.emplace(path, kDirectory).second ? 0 : -EEXIST;
}

int MemoryEnv::list(const std::string& path, std::vector<std::string>& names) {
  names.clear();
  const std::string beneath = path + "/";
  for (auto node = nodes_.lower_bound(beneath); node != nodes_.end() && node->first.starts_with(beneath); ++node) {
    const std::string name = node->first.substr(beneath.size(), node->first.find('/', beneath.size()) - beneath.size());
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  return names.empty() ? -ENOENT : 0;
}

int MemoryEnv::status(const std::string& path, base::FileStatus& status) {
  const auto node = nodes_.find(path);
  if (node == nodes_.end()) return -ENOENT;
  if (node->second == kDirectory) {
    status.mode = S_IFDIR | 0700;
    return 0;
  }
  return PosixEnv::status(node->second, status);
}

}  // namespace jobhost::fuzz
