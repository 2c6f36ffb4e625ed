#include "sim/sim_world.hpp"

#include <algorithm>
#include <cstring>

namespace jobhost::test {
namespace {

constexpr std::uint64_t kForget = 200 * kSecond;  // nobody sees anything later than this

}  // namespace

std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

std::string_view plain(std::string_view path) {
  if (path.ends_with("/.")) return path.substr(0, path.size() - 2);
  if (!path.ends_with("/..")) return path;
  path.remove_suffix(3);
  return path.substr(0, path.rfind('/'));
}

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

}  // namespace jobhost::test
