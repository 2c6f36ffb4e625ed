#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"

/// A simulated world: one file system, a clock, and the machines that see both. Everything that happens in it follows
/// from one seed, on one thread, and takes no real time.
namespace jobhost::test {

inline constexpr std::uint64_t kSecond = 1'000'000'000;

/// Random numbers that are the same for the same seed everywhere (splitmix64).
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 0x1234567) {}
  std::uint64_t next();
  std::uint64_t below(std::uint64_t end) { return end == 0 ? 0 : next() % end; }
  std::uint64_t between(std::uint64_t first, std::uint64_t last) { return first + below(last - first + 1); }
  bool chance(double probability) { return static_cast<double>(next() >> 11) * 0x1p-53 < probability; }

 private:
  std::uint64_t state_;
};

/// A number that looks random, always the same for the same x.
std::uint64_t mixed(std::uint64_t x);

/// "a/b/." is "a/b", and "a/b/.." is "a".
std::string_view plain(std::string_view path);

class SimMachine;

/// Thrown out of an Env call: no code after it runs, and what destructors call does nothing.
struct Killed {};     // the process
struct PowerLost {};  // all of them

/// A file or a directory.
struct SimNode {
  struct Entry {
    SimNode* node = nullptr;
    std::uint64_t since = 0;
    const SimMachine* by = nullptr;
  };
  std::uint64_t number = 0, links = 0;
  std::uint32_t mode = 0;
  std::uint64_t modified = 0;
  bool directory = false;

  base::Bytes data;                                 // of a file, as its writer sees it
  std::map<std::string, Entry, std::less<>> names;  // of a directory

  // What the medium holds: the content after the last sync, and since then the range that was written; the states that
  // each name had, oldest first.
  base::Bytes durable;
  std::uint64_t dirty_from = UINT64_MAX, dirty_to = 0;
  std::map<std::string, SimNode*, std::less<>> durable_names;
  std::map<std::string, std::vector<SimNode*>, std::less<>> undecided;

  // What it was, for machines that see it late.
  const SimMachine* writer = nullptr;
  unsigned open_for_writing = 0;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> sizes;      // since when, size
  std::vector<std::pair<std::uint64_t, base::Bytes>> overwritten;  // until when, content
};

class SimWorld {
 public:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  /// `loses_power`: what is durable is kept track of, which costs time.
  SimWorld(std::uint64_t seed, bool loses_power);

  Dice dice;
  std::uint64_t now = 1000 * kSecond;
  const bool loses_power;
  /// What happens while somebody sleeps; time just passes where it is empty.
  std::function<void(std::uint64_t)> sleep;

  // Trouble, as probabilities per call.
  double reply_lost = 0;      // link: done, and answered with an error or "exists"
  double short_read = 0;      // pread: less than was asked for, but something
  double sync_fails = 0;      // EIO; the pages are clean afterwards, and some of them were never written
  double write_fails = 0;     // ENOSPC, perhaps after a part
  double heartbeat_lies = 0;  // a party's heartbeat says that it left
  std::uint64_t lies = 0, lost_replies = 0, failed_syncs = 0, failed_writes = 0, calls = 0;
  std::uint64_t retried_syncs = 0;  // of a descriptor that said before that it cannot

  /// The n-th call from now is the last one before the power is back (0: none).
  void lose_power_in(std::uint64_t n) { power_left_ = n; }
  bool dark() const { return dark_; }
  /// The medium keeps what was synced, and of all else whatever it likes. Descriptors are gone. Then there is power.
  void lose_power();
  /// Everything is durable now.
  void sync_all();
  /// Everything that was written, seen by nobody late: for looking at the end.
  SimNode* find(std::string_view path);

 private:
  friend class SimEnv;
  struct Descriptor {
    SimNode* node = nullptr;
    SimMachine* machine = nullptr;
    int flags = 0;
    std::uint64_t position = 0;
    bool heartbeat = false, sync_failed = false;
    base::Bytes made;  // content of a file that is no node, beneath /proc
    bool used = false;
  };
  SimNode* make(bool directory);
  SimNode* folder_of(std::string_view path, std::string_view& name);
  void enter(SimNode& folder, std::string_view name, SimNode* node, const SimMachine* by);
  void leave(SimNode& folder, std::string_view name);
  void write(SimNode& node, std::uint64_t offset, base::ByteView bytes, const SimMachine* by);
  void resize(SimNode& node, std::uint64_t size, const SimMachine* by);
  void sync(SimNode& node);
  void sync_badly(SimNode& node);
  void settle(SimNode& node, double keep);
  void settle_content(SimNode& node, double keep);
  void revive(SimNode& node, const std::string& path);

  std::vector<std::unique_ptr<SimNode>> nodes_;
  SimNode* root_;
  std::unordered_map<std::string, SimNode*, Hash, std::equal_to<>> folders_;  // by path
  std::vector<Descriptor> descriptors_;
  std::vector<int> free_;
  std::uint64_t power_left_ = 0;
  bool dark_ = false;
};

/// How late a machine sees what others do to a network file system.
struct Caching {
  std::uint64_t attributes = 0;  // at most so long are sizes and contents believed
  std::uint64_t absence = 0;     // a name that was not there
  std::uint64_t listings = 0;
  std::uint64_t flushing = 0;    // its own writes reach others so late, while the file is open
  bool open_revalidates = true;  // as close-to-open consistency wants it
};

/// One computer: its boot, processes, clocks, and what it remembers of the file system.
class SimMachine {
 public:
  SimMachine(SimWorld& world, std::uint64_t number, Caching caching = {});

  std::string boot_id, name;
  std::int64_t wall_offset = 0;
  std::uint64_t monotonic_offset = 0;
  double drift = 1;
  Caching caching;

  /// A new process: pid, and start time beneath /proc.
  int start_process();
  void end_process(int pid) { processes_.erase(pid); }
  std::uint64_t start_time(int pid) const;
  /// Another boot id, no processes, and nothing remembered.
  void reboot();

 private:
  friend class SimEnv;
  struct View {
    std::uint64_t as_of = 0;  // all that was written by then is seen
    std::uint64_t refreshed = 0, until = 0;
    std::uint64_t salt = 0;  // not 0: of what was written from then until it was refreshed, pieces are
  };

  SimWorld& world_;
  std::map<int, std::uint64_t> processes_;
  int next_pid_ = 100;
  std::uint64_t next_start_ = 1;
  std::unordered_map<const SimNode*, View> views_;
  std::unordered_map<std::string, std::uint64_t, SimWorld::Hash, std::equal_to<>> absent_;  // until when
};

}  // namespace jobhost::test
