#include "base/beneath.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/lag.hpp"
#include "base/stale.hpp"
#include "base/trust.hpp"

namespace jobhost::base {
namespace {

constexpr const char* kHint = "a job directory holds files and directories of its own and nothing else; move this away";

std::string relative(const std::string& root, const std::string& path) {
  if (!path.starts_with(root + "/")) throw Error(ExitCode::kDamaged, "'" + path + "' is not in '" + root + "'", kHint);
  return path.substr(root.size() + 1);
}

void require_file(const FileStatus& status, const std::string& path) {
  if (!S_ISREG(status.mode)) {
    throw Error(ExitCode::kDamaged, "'" + path + "' is " + kind_of(status.mode) + ", not a file", kHint);
  }
  require_own(status, path);
}

void require_directory(const FileStatus& status, const std::string& path) {
  if (!S_ISDIR(status.mode)) {
    throw Error(ExitCode::kDamaged, "'" + path + "' is " + kind_of(status.mode) + ", not a directory", kHint);
  }
  require_own(status, path);
}

/// What is there instead of a file.
[[noreturn]] void refuse(Env& env, int failure, const std::string& path) {
  FileStatus status;
  if (failure == -ELOOP || failure == -ENXIO || failure == -EISDIR || failure == -EOPNOTSUPP) {
    if (env.status(path, status) >= 0 && !S_ISREG(status.mode)) require_file(status, path);
    throw Error(ExitCode::kDamaged, "'" + path + "' stands behind a symbolic link", kHint);
  }
  if (failure == -ENOTDIR) throw Error(ExitCode::kDamaged, "'" + path + "' stands behind a file", kHint);
  if (failure == -EXDEV || failure == -ENAMETOOLONG) {
    throw Error(ExitCode::kDamaged, "'" + path + "' is no name of a file in a job", kHint);
  }
  throw_file_error(failure, "open", path);
}

/// What open_beneath() of the Env answered, as a file that is believed.
File sound_file(Env& env, int fd, const std::string& path) {
  if (fd < 0) refuse(env, fd, path);
  File file = File::adopt(env, path, fd);
  FileStatus status;
  if (const int failure = env.status(fd, status); failure < 0) throw_file_error(failure, "look at", path);
  require_file(status, path);
  return file;
}

}  // namespace

std::optional<File> open_beneath_if_exists(Env& env, const std::string& root, const std::string& path, int flags) {
  const int fd = env.open_beneath(root, relative(root, path), flags);
  if (fd == -ENOENT) return std::nullopt;
  return sound_file(env, fd, path);
}

File open_beneath(Env& env, const std::string& root, const std::string& path, int flags, mode_t mode) {
  return sound_file(env, env.open_beneath(root, relative(root, path), flags, mode), path);
}

Bytes read_beneath(Env& env, const std::string& root, const std::string& path, std::uint64_t limit) {
  return looking_again([&] { return read_file(open_beneath(env, root, path, O_RDONLY), limit); });
}

bool exists_beneath(Env& env, const std::string& path) {
  const auto status = status_if_exists(env, path);
  if (status) require_file(*status, path);
  return status.has_value();
}

void require_directory_beneath(Env& env, const std::string& path) {
  FileStatus status;
  const int failure = env.status(path, status);
  if (failure == -ENOENT) return;
  if (failure < 0) throw_file_error(failure, "look at", path);
  require_directory(status, path);
}

std::vector<std::string> list_beneath(Env& env, const std::string& path) {
  require_directory_beneath(env, path);
  return names_in(env, path);
}

void make_directories_beneath(Env& env, const std::string& root, const std::string& path) {
  int made = env.make_directory(path, 0700);
  if (made == -ENOENT && path.size() > root.size()) {
    make_directories_beneath(env, root, path.substr(0, path.rfind('/')));
    made = env.make_directory(path, 0700);
  }
  if (made >= 0) return;
  // Some file systems rather tell that nothing may be made there than that it exists.
  FileStatus status;
  const auto look = [&] { return env.status(path, status); };
  if (const int failure = made == -EEXIST ? until_seen(env, look) : look(); failure < 0) {
    if (made == -EEXIST) throw_file_error(failure, "look at", path);
    throw_file_error(made, "make the directory", path);
  }
  require_directory(status, path);
}

}  // namespace jobhost::base
