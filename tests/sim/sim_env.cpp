#include "sim/sim_env.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace jobhost::test {
namespace {

constexpr std::uint64_t kGranule = 64;  // bytes that reach a server together, at least

}  // namespace

/// What this machine sees of a file: all of it when it wrote it, else as it was some time ago.
SimEnv::Seen SimEnv::seen(const SimNode& node, bool fresh) {
  const std::uint64_t whole = node.data.size();
  const Caching& caching = machine_.caching;
  if (!node.writer || node.writer == &machine_ || caching.attributes + caching.flushing == 0) {
    return {&node.data, whole, whole, 0};
  }
  auto& view = machine_.views_[&node];
  if (view.until <= world_.now || (fresh && caching.open_revalidates)) {
    const std::uint64_t late =
        node.open_for_writing > 0 && caching.flushing > 0 ? world_.dice.below(caching.flushing) : 0;
    // What was seen once stays.
    view.as_of = std::max(view.salt != 0 ? view.refreshed : view.as_of, world_.now - std::min(late, world_.now));
    view.refreshed = world_.now;
    view.until = world_.now + world_.dice.below(caching.attributes + 1);
    view.salt = world_.dice.chance(0.3) ? world_.dice.next() | 1 : 0;
  }
  for (const auto& [until, content] : node.overwritten) {
    if (until > view.as_of) return {&content, content.size(), content.size(), 0};
  }
  const auto size_at = [&](std::uint64_t time) -> std::uint64_t {
    const auto later = std::upper_bound(node.sizes.begin(), node.sizes.end(), std::pair{time, UINT64_MAX});
    return later == node.sizes.begin() ? 0 : std::prev(later)->second;
  };
  const std::uint64_t sure = size_at(view.as_of);
  // Pieces may reach the server in any order.
  return {&node.data, view.salt != 0 ? size_at(view.refreshed) : sure, sure, view.salt};
}

SimNode* SimEnv::look_up(const std::string& given) {
  const std::string_view path = plain(given);
  SimNode* const node = world_.find(path);
  if (machine_.caching.absence == 0) return node;
  const auto absent = machine_.absent_.find(path);
  if (absent != machine_.absent_.end()) {
    if (absent->second > world_.now) return nullptr;
    machine_.absent_.erase(absent);
  }
  if (!node) machine_.absent_[std::string(path)] = world_.now + world_.dice.below(machine_.caching.absence);
  return node;
}

int SimEnv::descriptor(SimWorld::Descriptor made) {
  made.used = true;
  made.machine = &machine_;
  if (world_.free_.empty()) {
    world_.descriptors_.push_back(std::move(made));
    return static_cast<int>(world_.descriptors_.size()) + 2;
  }
  const int slot = world_.free_.back();
  world_.free_.pop_back();
  world_.descriptors_[static_cast<std::size_t>(slot)] = std::move(made);
  return slot + 3;
}

int SimEnv::open_proc(const std::string& path) {
  std::string text;
  if (path == "/proc/sys/kernel/random/boot_id") {
    text = machine_.boot_id + "\n";
  } else {
    int pid = 0;
    std::from_chars(path.data() + 6, path.data() + path.size(), pid);
    const std::uint64_t start = pid == ::getpid() ? 1 : machine_.start_time(pid);
    if (start == 0) return -ENOENT;
    text = std::to_string(pid) + " (jobhost) S 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 " + std::to_string(start) + " 0\n";
  }
  SimWorld::Descriptor made;
  made.made.assign(text.begin(), text.end());
  return descriptor(std::move(made));
}

/// Counts the call. Whoever lost power or was killed does nothing any more.
bool SimEnv::gone() {
  if (killed_ || world_.dark_) return true;
  ++world_.calls;
  if (life_left_ > 0 && --life_left_ == 0) {
    killed_ = true;
    throw Killed();
  }
  if (world_.power_left_ > 0 && --world_.power_left_ == 0) {
    world_.dark_ = true;
    throw PowerLost();
  }
  return false;
}

int SimEnv::open(const std::string& path, int flags, mode_t mode) {
  if (gone()) return -EIO;
  if (path.starts_with("/proc/")) return open_proc(path);
  SimNode* node = look_up(path);
  if (node && (flags & O_EXCL)) return -EEXIST;
  if (!node) {
    if (!(flags & O_CREAT)) return -ENOENT;
    std::string_view name;
    SimNode* const folder = world_.folder_of(path, name);
    if (!folder) return -ENOENT;
    if (folder->names.contains(name)) return -EEXIST;
    node = world_.make(false);
    node->mode = S_IFREG | mode;
    world_.enter(*folder, name, node, &machine_);
    machine_.absent_.erase(path);
  }
  if ((flags & O_DIRECTORY) && !node->directory) return -ENOTDIR;
  const bool writes = (flags & O_ACCMODE) != O_RDONLY;
  if (writes && node->directory) return -EISDIR;
  if (writes) ++node->open_for_writing;
  if (flags & O_TRUNC) world_.resize(*node, 0, &machine_);
  if (!writes) seen(*node, true);
  SimWorld::Descriptor made;
  made.node = node;
  made.flags = flags;
  made.heartbeat = !writes && path.ends_with(".hb");
  return descriptor(std::move(made));
}

int SimEnv::close(int fd) {
  if (world_.dark_) return 0;
  const auto slot = static_cast<std::size_t>(fd - 3);
  if (slot >= world_.descriptors_.size() || !world_.descriptors_[slot].used) return -EBADF;  // lost with the power
  auto& closed = world_.descriptors_[slot];
  if (closed.node && (closed.flags & O_ACCMODE) != O_RDONLY) --closed.node->open_for_writing;
  closed = {};
  world_.free_.push_back(static_cast<int>(slot));
  return 0;
}

ssize_t SimEnv::pread(int fd, void* data, std::size_t size, std::uint64_t offset) {
  if (gone()) return -EIO;
  const auto& from = world_.descriptors_[static_cast<std::size_t>(fd - 3)];
  const Seen file = from.node ? seen(*from.node, false) : Seen{&from.made, from.made.size(), from.made.size(), 0};
  if (offset >= file.size) return 0;
  size = std::min<std::size_t>(size, file.size - offset);
  if (size > 1 && world_.short_read > 0 && world_.dice.chance(world_.short_read))
    size = world_.dice.between(1, size - 1);
  std::memcpy(data, file.bytes->data() + offset, size);
  auto* const bytes = static_cast<unsigned char*>(data);
  for (std::uint64_t at = std::max(file.sure, offset); at < offset + size;) {
    const std::uint64_t next = std::min((at / kGranule + 1) * kGranule, offset + size);
    if (mixed(file.salt + at / kGranule) & 1) std::memset(bytes + (at - offset), 0, next - at);
    at = next;
  }
  if (from.heartbeat && size == 16 && world_.heartbeat_lies > 0 && world_.dice.chance(world_.heartbeat_lies)) {
    ++world_.lies;
    bytes[8] = 1;
  }
  return static_cast<ssize_t>(size);
}

ssize_t SimEnv::read(int fd, void* data, std::size_t size) {
  auto& from = world_.descriptors_[static_cast<std::size_t>(fd - 3)];
  const ssize_t got = pread(fd, data, size, from.position);
  if (got > 0) from.position += static_cast<std::uint64_t>(got);
  return got;
}

ssize_t SimEnv::write(int fd, const void* data, std::size_t size) {
  if (gone()) return -EIO;
  auto& to = world_.descriptors_[static_cast<std::size_t>(fd - 3)];
  if (world_.write_fails > 0 && world_.dice.chance(world_.write_fails)) {
    ++world_.failed_writes;
    size = world_.dice.below(size);
    if (size == 0) return -ENOSPC;
  }
  if (to.flags & O_APPEND) to.position = to.node->data.size();
  world_.write(*to.node, to.position, {static_cast<const unsigned char*>(data), size}, &machine_);
  to.position += size;
  return static_cast<ssize_t>(size);
}

int SimEnv::sync(int fd) {
  if (gone()) return -EIO;
  auto& of = world_.descriptors_[static_cast<std::size_t>(fd - 3)];
  SimNode& node = *of.node;
  if (of.sync_failed) ++world_.retried_syncs;
  if (world_.sync_fails > 0 && world_.dice.chance(world_.sync_fails)) {
    ++world_.failed_syncs;
    world_.sync_badly(node);
    of.sync_failed = true;
    return -EIO;
  }
  world_.sync(node);
  return 0;
}

int SimEnv::truncate(int fd, std::uint64_t size) {
  if (gone()) return -EIO;
  world_.resize(*world_.descriptors_[static_cast<std::size_t>(fd - 3)].node, size, &machine_);
  return 0;
}

int SimEnv::link(const std::string& from, const std::string& to) {
  if (gone()) return -EIO;
  SimNode* const node = world_.find(from);
  if (!node) return -ENOENT;
  std::string_view name;
  SimNode* const folder = world_.folder_of(to, name);
  if (!folder) return -ENOENT;
  machine_.absent_.erase(to);  // the server's answer is remembered instead
  // A name that somebody else has may be answered with success, too.
  if (folder->names.contains(name)) return world_.dice.chance(world_.reply_lost) ? 0 : -EEXIST;
  world_.enter(*folder, name, node, &machine_);
  if (world_.reply_lost > 0 && world_.dice.chance(world_.reply_lost)) {
    ++world_.lost_replies;
    return world_.dice.chance(0.7) ? -EEXIST : -EIO;
  }
  return 0;
}

int SimEnv::rename(const std::string& from, const std::string& to) {
  if (gone()) return -EIO;
  std::string_view old_name, new_name;
  SimNode* const old_folder = world_.folder_of(from, old_name);
  SimNode* const new_folder = world_.folder_of(to, new_name);
  SimNode* const node = world_.find(from);
  if (!old_folder || !new_folder || !node) return -ENOENT;
  if (node->directory) return -EXDEV;
  world_.enter(*new_folder, new_name, node, &machine_);
  world_.leave(*old_folder, old_name);
  machine_.absent_.erase(to);
  return 0;
}

int SimEnv::remove(const std::string& path) {
  if (gone()) return -EIO;
  std::string_view name;
  SimNode* const folder = world_.folder_of(plain(path), name);
  SimNode* const node = world_.find(path);
  if (!folder || !node) return -ENOENT;
  if (node->directory && !node->names.empty()) return -ENOTEMPTY;
  if (node->directory) world_.folders_.erase(std::string(plain(path)));
  world_.leave(*folder, name);
  return 0;
}

int SimEnv::make_directory(const std::string& path, mode_t mode) {
  if (gone()) return -EIO;
  std::string_view name;
  SimNode* const folder = world_.folder_of(path, name);
  if (!folder) return -ENOENT;
  machine_.absent_.erase(path);  // the server's answer is remembered instead
  if (folder->names.contains(name)) return -EEXIST;
  SimNode* const node = world_.make(true);
  node->mode = S_IFDIR | mode;
  world_.enter(*folder, name, node, &machine_);
  world_.folders_.emplace(path, node);
  return 0;
}

int SimEnv::list(const std::string& path, std::vector<std::string>& names) {
  if (gone()) return -EIO;
  names.clear();
  const auto folder = world_.folders_.find(plain(path));
  if (folder == world_.folders_.end()) return -ENOENT;
  std::uint64_t as_of = world_.now;
  if (machine_.caching.listings > 0) {
    auto& view = machine_.views_[folder->second];
    if (view.until <= world_.now)
      view = {world_.now, world_.now, world_.now + world_.dice.below(machine_.caching.listings), 0};
    as_of = view.as_of;
  }
  for (const auto& [name, entry] : folder->second->names) {
    if (entry.since <= as_of || entry.by == &machine_) names.push_back(name);
  }
  return 0;
}

void SimEnv::fill(const SimNode& node, base::FileStatus& status) {
  status.size = node.directory ? 0 : seen(node, false).size;
  status.inode = node.number;
  status.links = node.links;
  status.mode = node.directory ? S_IFDIR | 0700u : node.mode;
  static const uid_t kSelf = ::getuid();  // a system call, which would cost more than all else here
  status.owner = kSelf;
  status.modified_ns = static_cast<std::int64_t>(node.modified);
}

int SimEnv::status(const std::string& path, base::FileStatus& status) {
  if (gone()) return -EIO;
  const SimNode* const node = look_up(path);
  if (!node) return -ENOENT;
  fill(*node, status);
  return 0;
}

int SimEnv::status(int fd, base::FileStatus& status) {
  if (gone()) return -EIO;
  const auto& of = world_.descriptors_[static_cast<std::size_t>(fd - 3)];
  if (of.node) fill(*of.node, status);
  return 0;
}

int SimEnv::touch(const std::string& path) {
  if (gone()) return -EIO;
  SimNode* const node = look_up(path);
  if (!node) return -ENOENT;
  node->modified = world_.now;
  return 0;
}

std::int64_t SimEnv::file_system(const std::string&) { return EXT4_SUPER_MAGIC; }

std::uint64_t SimEnv::monotonic_ns() {
  return machine_.monotonic_offset + static_cast<std::uint64_t>(static_cast<double>(world_.now) * machine_.drift);
}

std::uint64_t SimEnv::wall_ns() {
  return 1'700'000'000 * kSecond + world_.now + static_cast<std::uint64_t>(machine_.wall_offset);
}

void SimEnv::sleep_ns(std::uint64_t duration) {
  if (killed_ || world_.dark_) return;
  if (world_.sleep) return world_.sleep(duration);
  world_.now += duration;
}

void SimEnv::random(void* data, std::size_t size) {
  auto* bytes = static_cast<unsigned char*>(data);
  for (; size > 0; bytes += std::min<std::size_t>(size, 8), size -= std::min<std::size_t>(size, 8)) {
    const std::uint64_t word = world_.dice.next();
    std::memcpy(bytes, &word, std::min<std::size_t>(size, 8));
  }
}

// Simulated workers are objects in this process: nothing is started.
int SimEnv::spawn(const base::SpawnRequest&) { return -ENOSYS; }
int SimEnv::fork(const base::SpawnRequest&, const std::function<int()>&) { return -ENOSYS; }
int SimEnv::wait(int, bool, base::ExitStatus&) { return -ENOSYS; }
int SimEnv::kill(int, int) { return -ENOSYS; }

}  // namespace jobhost::test
