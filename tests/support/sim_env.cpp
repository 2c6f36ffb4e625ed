#include "support/sim_env.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/hex.hpp"

namespace jobhost::test {
namespace {

constexpr std::uint64_t kForget = 200 * kSecond;  // nobody sees anything later than this
constexpr std::uint64_t kGranule = 64;            // bytes that reach a server together, at least

std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// "a/b/." is "a/b", and "a/b/.." is "a".
std::string_view plain(std::string_view path) {
  if (path.ends_with("/.")) return path.substr(0, path.size() - 2);
  if (!path.ends_with("/..")) return path;
  path.remove_suffix(3);
  return path.substr(0, path.rfind('/'));
}

}  // namespace

std::uint64_t Dice::next() { return mixed(state_ += 0x9e3779b97f4a7c15); }

SimWorld::SimWorld(std::uint64_t seed, bool loses) : dice(seed), loses_power(loses) {
  root_ = make(true);
  folders_.emplace("", root_);
}

SimNode* SimWorld::make(bool directory) {
  nodes_.push_back(std::make_unique<SimNode>());
  SimNode* const node = nodes_.back().get();
  node->number = nodes_.size();
  node->directory = directory;
  node->modified = now;
  return node;
}

SimNode* SimWorld::folder_of(std::string_view path, std::string_view& name) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return nullptr;
  name = path.substr(slash + 1);
  const auto found = folders_.find(path.substr(0, slash));
  return found == folders_.end() ? nullptr : found->second;
}

SimNode* SimWorld::find(std::string_view path) {
  path = plain(path);
  if (const auto folder = folders_.find(path); folder != folders_.end()) return folder->second;
  std::string_view name;
  SimNode* const folder = folder_of(path, name);
  if (!folder) return nullptr;
  const auto entry = folder->names.find(name);
  return entry == folder->names.end() ? nullptr : entry->second.node;
}

void SimWorld::enter(SimNode& folder, std::string_view name, SimNode* node, const SimMachine* by) {
  leave(folder, name);
  ++node->links;
  folder.names[std::string(name)] = {node, now, by};
  folder.modified = now;
  if (loses_power) folder.undecided.find(name)->second.back() = node;
}

void SimWorld::leave(SimNode& folder, std::string_view name) {
  const auto entry = folder.names.find(name);
  SimNode* const before = entry == folder.names.end() ? nullptr : entry->second.node;
  if (before) {
    --before->links;
    folder.names.erase(entry);
    folder.modified = now;
  }
  if (!loses_power) return;
  auto& states = folder.undecided[std::string(name)];
  if (states.empty()) {
    const auto kept = folder.durable_names.find(name);
    states.push_back(kept == folder.durable_names.end() ? nullptr : kept->second);
  }
  states.push_back(nullptr);
}

void SimWorld::resize(SimNode& node, std::uint64_t size, const SimMachine* by) {
  const std::uint64_t before = node.data.size();
  if (size < before) {
    node.overwritten.emplace_back(now, node.data);
    node.sizes.clear();
  }
  node.data.resize(size);
  node.sizes.emplace_back(now, size);
  node.writer = by;
  node.modified = now;
  node.dirty_from = std::min({node.dirty_from, before, size});
  node.dirty_to = std::max(node.dirty_to, size);
}

void SimWorld::write(SimNode& node, std::uint64_t offset, base::ByteView bytes, const SimMachine* by) {
  if (offset < node.data.size()) {
    while (!node.overwritten.empty() && node.overwritten.front().first + kForget < now) {
      node.overwritten.erase(node.overwritten.begin());
    }
    node.overwritten.emplace_back(now, node.data);
    node.sizes.clear();
  }
  const std::uint64_t end = offset + bytes.size();
  node.dirty_from = std::min({node.dirty_from, offset, std::uint64_t{node.data.size()}});
  node.dirty_to = std::max(node.dirty_to, end);
  if (end > node.data.size()) node.data.resize(end);
  std::memcpy(node.data.data() + offset, bytes.data(), bytes.size());
  node.sizes.emplace_back(now, node.data.size());
  node.writer = by;
  node.modified = now;
}

void SimWorld::sync(SimNode& node) {
  if (!loses_power) return;
  if (node.directory) {
    for (const auto& [name, states] : node.undecided) {
      if (states.back()) {
        node.durable_names[name] = states.back();
      } else {
        node.durable_names.erase(name);
      }
    }
    node.undecided.clear();
    return;
  }
  node.durable.resize(node.data.size());
  for (std::uint64_t at = node.dirty_from, end = std::min<std::uint64_t>(node.dirty_to, node.data.size()); at < end;
       ++at) {
    node.durable[at] = node.data[at];
  }
  node.dirty_from = UINT64_MAX;
  node.dirty_to = 0;
}

/// The pages are clean afterwards, whether they were written or not.
void SimWorld::sync_badly(SimNode& node) {
  if (!loses_power) return;
  if (node.directory) {
    node.undecided.clear();
    return;
  }
  settle_content(node, dice.chance(0.5) ? 0 : 0.5);
  node.dirty_from = UINT64_MAX;
  node.dirty_to = 0;
}

/// Decides which of the bytes since the last sync are on the medium, each piece by itself.
void SimWorld::settle_content(SimNode& node, double keep) {
  if (node.dirty_from == UINT64_MAX) return;
  const std::uint64_t before = node.durable.size(), now_size = node.data.size();
  std::uint64_t size = now_size;
  if (!dice.chance(keep)) {
    switch (dice.below(3)) {
      case 0:
        size = before;
        break;
      case 1:
        size = now_size;  // without data, perhaps
        break;
      default:
        size = dice.between(std::min(before, now_size), std::max(before, now_size));
    }
  }
  static constexpr std::uint64_t kPieces[] = {8, 64, 512, 4096};
  const std::uint64_t piece = kPieces[dice.below(4)];
  const double pieces_kept = dice.chance(0.3) ? keep : static_cast<double>(dice.below(101)) / 100;
  node.durable.resize(size);
  const std::uint64_t end = std::min({node.dirty_to, size, now_size});
  for (std::uint64_t at = node.dirty_from; at < end;) {
    const std::uint64_t next = std::min((at / piece + 1) * piece, end);
    if (dice.chance(std::max(keep, pieces_kept))) {
      std::memcpy(node.durable.data() + at, node.data.data() + at, next - at);
    }
    at = next;
  }
}

void SimWorld::settle(SimNode& node, double keep) {
  if (!node.directory) {
    settle_content(node, keep);
    return;
  }
  for (auto& [name, states] : node.undecided) {
    SimNode* const state = dice.chance(keep) ? states.back() : states[dice.below(states.size())];
    if (state) {
      node.durable_names[name] = state;
    } else {
      node.durable_names.erase(name);
    }
  }
}

void SimWorld::lose_power() {
  const double keep = dice.chance(0.2) ? 0 : dice.chance(0.2) ? 1 : static_cast<double>(dice.below(101)) / 100;
  for (const auto& node : nodes_) {
    settle(*node, keep);
    node->links = 0;
    node->open_for_writing = 0;
  }
  folders_.clear();
  revive(*root_, "");
  descriptors_.clear();
  free_.clear();
  dark_ = false;
  power_left_ = 0;
}

void SimWorld::sync_all() {
  for (const auto& node : nodes_) sync(*node);
}

void SimWorld::revive(SimNode& node, const std::string& path) {
  ++node.links;
  node.overwritten.clear();
  node.sizes.clear();
  node.writer = nullptr;
  if (!node.directory) {
    node.data = node.durable;
    node.dirty_from = UINT64_MAX;
    node.dirty_to = 0;
    return;
  }
  folders_.emplace(path, &node);
  node.undecided.clear();
  node.names.clear();
  for (const auto& [name, child] : node.durable_names) {
    node.names[name] = {child, 0, nullptr};
    revive(*child, path + "/" + name);
  }
}

SimMachine::SimMachine(SimWorld& world, std::uint64_t number, Caching how)
    : name("machine" + std::to_string(number)), caching(how), world_(world) {
  wall_offset = static_cast<std::int64_t>(world.dice.below(7200 * kSecond)) - static_cast<std::int64_t>(3600 * kSecond);
  monotonic_offset = world.dice.below(1'000'000 * kSecond);
  drift = 1 + (static_cast<double>(world.dice.below(2001)) - 1000) * 1e-7;  // 100 ppm
  reboot();
}

void SimMachine::reboot() {
  boot_id = name + "-" + std::to_string(world_.dice.next());
  processes_.clear();
  views_.clear();
  absent_.clear();
}

int SimMachine::start_process() {
  processes_[next_pid_] = next_start_++;
  return next_pid_++;
}

std::uint64_t SimMachine::start_time(int pid) const {
  const auto found = processes_.find(pid);
  return found == processes_.end() ? 0 : found->second;
}

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
