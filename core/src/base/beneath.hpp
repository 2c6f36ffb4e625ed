#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/file.hpp"

/// Access to what stands in a directory that somebody else may have filled, such as a job's. No symbolic link is
/// followed, nothing waits, and what is opened is a regular file of this user's (or a trusted one's) that not everybody
/// may write to; anything else throws Error(kDamaged). `path` is a whole path that begins with `root`.
namespace jobhost::base {

File open_beneath(Env& env, const std::string& root, const std::string& path, int flags, mode_t mode = 0600);

/// Nothing when there is no such file.
std::optional<File> open_beneath_if_exists(Env& env, const std::string& root, const std::string& path, int flags);

/// The whole file; Error(kDamaged) when it is larger than `limit` bytes.
Bytes read_beneath(Env& env, const std::string& root, const std::string& path, std::uint64_t limit);

/// Whether there is a file that open_beneath() would open.
bool exists_beneath(Env& env, const std::string& path);

/// Throws Error(kDamaged) when something else stands where a directory is to be, or may be.
void require_directory_beneath(Env& env, const std::string& path);

/// Names in a directory whose parent is known to be sound, sorted; none when there is no such directory.
std::vector<std::string> list_beneath(Env& env, const std::string& path);

/// mkdir -p with mode 0700 for what is new; what is there must be directories.
void make_directories_beneath(Env& env, const std::string& root, const std::string& path);

/// What PosixEnv::open_beneath() does where the kernel has no openat2(): each directory is opened without following.
int open_name_by_name(const std::string& root, const std::string& name, int flags, mode_t mode);

}  // namespace jobhost::base
