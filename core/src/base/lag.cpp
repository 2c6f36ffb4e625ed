#include "base/lag.hpp"

#include <linux/magic.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

namespace jobhost::base {
namespace {

// Kinds that <linux/magic.h> does not have.
constexpr std::int64_t kZfs = 0x2fc12fc1, kJfs = 0x3153464a, kBcachefs = 0xca451a4e, kNtfs3 = 0x7366746e;

constexpr std::int64_t kLocal[] = {EXT4_SUPER_MAGIC,
                                   XFS_SUPER_MAGIC,
                                   BTRFS_SUPER_MAGIC,
                                   F2FS_SUPER_MAGIC,
                                   REISERFS_SUPER_MAGIC,
                                   TMPFS_MAGIC,
                                   RAMFS_MAGIC,
                                   HUGETLBFS_MAGIC,
                                   MSDOS_SUPER_MAGIC,
                                   EXFAT_SUPER_MAGIC,
                                   ECRYPTFS_SUPER_MAGIC,
                                   OVERLAYFS_SUPER_MAGIC,
                                   kZfs,
                                   kJfs,
                                   kBcachefs,
                                   kNtfs3};

constexpr std::uint64_t kLookAgainNs = 100'000'000;

}  // namespace

bool may_lag(Env& env, const std::string& path) {
  const std::int64_t kind = env.file_system(path);
  return kind >= 0 && std::find(std::begin(kLocal), std::end(kLocal), kind) == std::end(kLocal);
}

int until_seen(Env& env, const std::function<int()>& call) {
  const std::uint64_t begin = env.monotonic_ns();
  for (;;) {
    const int answer = call();
    if (answer != -ENOENT || env.monotonic_ns() - begin >= kLongestLagNs) return answer;
    env.sleep_ns(kLookAgainNs);
  }
}

}  // namespace jobhost::base
