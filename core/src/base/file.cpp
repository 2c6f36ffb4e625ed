#include "base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <climits>
#include <system_error>
#include <utility>

#include "base/hex.hpp"
#include "base/stale.hpp"
#include "base/unfinished.hpp"

namespace jobhost::base {

void throw_file_error(int negative_errno, const std::string& action, const std::string& path) {
  const int code = -negative_errno;
  std::string reason = std::generic_category().message(code);
  if (!reason.empty()) reason[0] = static_cast<char>(std::tolower(reason[0]));
  std::string hint;
  if (code == ENOSPC || code == EDQUOT) {
    hint = "make room, then try again";
  }
  if (code == EFBIG) reason += " for the limit on the size of files (ulimit -f)";
  const std::string what = "cannot " + action + " '" + path + "': " + reason;
  if (code == ESTALE) throw Stale(ExitCode::kBackendFailed, what);
  throw Error(ExitCode::kBackendFailed, what, hint);
}

File::File(Env& env, std::string path, int flags, mode_t mode) : env_(&env), path_(std::move(path)) {
  fd_ = env.open(path_, flags, mode);
  if (fd_ < 0) throw_file_error(fd_, "open", path_);
}

File::File(File&& other) noexcept
    : env_(other.env_), path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) env_->close(fd_);
    env_ = other.env_;
    path_ = std::move(other.path_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

File::~File() {
  if (fd_ >= 0) env_->close(fd_);
}

std::optional<File> File::open_if_exists(Env& env, const std::string& path, int flags) {
  const int fd = env.open(path, flags);
  if (fd == -ENOENT) return std::nullopt;
  if (fd < 0) throw_file_error(fd, "open", path);
  return adopt(env, path, fd);
}

File File::adopt(Env& env, const std::string& path, int fd) {
  File file;
  file.env_ = &env;
  file.path_ = path;
  file.fd_ = fd;
  return file;
}

std::uint64_t File::size() const {
  FileStatus status;
  if (const int failure = env_->status(fd_, status); failure < 0) throw_file_error(failure, "look at", path_);
  return status.size;
}

void File::write(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = env_->write(fd_, bytes.data(), bytes.size());
    if (written == -EINTR) continue;
    if (written < 0) throw_file_error(static_cast<int>(written), "write", path_);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

std::size_t File::read_at(std::uint64_t offset, std::span<unsigned char> bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = env_->pread(fd_, bytes.data() + done, bytes.size() - done, offset + done);
    if (got == -EINTR) continue;
    if (got < 0) throw_file_error(static_cast<int>(got), "read", path_);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

void File::sync() {
  int failure = 0;
  do {
    failure = env_->sync(fd_);
  } while (failure == -EINTR);  // nothing has failed then
  if (failure < 0) throw_file_error(failure, "sync", path_);
}

void File::truncate(std::uint64_t size) {
  if (const int failure = env_->truncate(fd_, size); failure < 0) throw_file_error(failure, "truncate", path_);
}

void File::close() {
  if (fd_ < 0) return;
  const int failure = env_->close(std::exchange(fd_, -1));
  if (failure < 0) throw_file_error(failure, "close", path_);
}

Bytes read_file(Env& env, const std::string& path, std::uint64_t limit) {
  const File file(env, path, O_RDONLY | O_NONBLOCK);  // a FIFO would wait for somebody to write
  FileStatus status;
  if (const int failure = env.status(file.fd(), status); failure < 0) throw_file_error(failure, "look at", path);
  if (!S_ISREG(status.mode)) throw Error(ExitCode::kUsage, "'" + path + "' is not a regular file");
  return read_file(file, limit);
}

Bytes read_file(const File& file, std::uint64_t limit) {
  const std::uint64_t size = file.size();
  if (size > limit) {
    throw Error(ExitCode::kDamaged, "'" + file.path() + "' holds " + std::to_string(size) + " bytes, more than the " +
                                        std::to_string(limit) + " that make sense here");
  }
  Bytes bytes(size);
  bytes.resize(file.read_at(0, bytes));
  return bytes;
}

void write_file_atomically(Env& env, const std::string& path, ByteView bytes, bool durable, mode_t mode) {
  const std::string fresh = unfinished_name(path, "." + random_hex(env, 8) + ".tmp");
  try {
    File file(env, fresh, O_WRONLY | O_CREAT | O_EXCL, mode);
    file.write(bytes);
    if (durable) file.sync();
    file.close();
    if (const int failure = env.rename(fresh, path); failure < 0) throw_file_error(failure, "rename to", path);
  } catch (...) {
    env.remove(fresh);
    throw;
  }
  if (durable) sync_directory(env, path.substr(0, path.find_last_of('/') + 1) + ".");
}

void make_directories(Env& env, const std::string& path) {
  // Nearly always the parent is there.
  int failure = env.make_directory(path, 0700);
  const std::size_t parent = path.find_last_of('/');
  if (failure == -ENOENT && parent != std::string::npos && parent > 0) {
    make_directories(env, path.substr(0, parent));
    failure = env.make_directory(path, 0700);
  }
  if (failure >= 0) return;
  FileStatus made;
  const int found = env.status(path + "/.", made);
  if (failure == -EEXIST && found < 0) throw_file_error(found, "use", path);
  // Some file systems rather tell that nothing may be made there than that it exists.
  if (failure != -EEXIST && found < 0) throw_file_error(failure, "make the directory", path);
}

std::optional<FileStatus> status_if_exists(Env& env, const std::string& path) {
  FileStatus status;
  const int failure = env.status(path, status);
  if (failure >= 0) return status;
  for (int nothing_there : {ENOENT, ENOTDIR, EACCES, ENAMETOOLONG, ELOOP}) {
    if (failure == -nothing_there) return std::nullopt;
  }
  throw_file_error(failure, "look at", path);
}

bool exists(Env& env, const std::string& path) { return status_if_exists(env, path).has_value(); }

std::vector<std::string> names_in(Env& env, const std::string& path) {
  std::vector<std::string> names;
  const int failure = env.list(path, names);
  if (failure < 0 && failure != -ENOENT && failure != -ENOTDIR) throw_file_error(failure, "list", path);
  return names;
}

void remove_tree(Env& env, const std::string& path) {
  FileStatus status;
  if (env.status(path, status) < 0) return;
  if (S_ISDIR(status.mode)) {
    std::vector<std::string> names;
    env.list(path, names);
    for (const auto& name : names) remove_tree(env, path + "/" + name);
  }
  const int failure = env.remove(path);
  if (failure < 0 && failure != -ENOENT) throw_file_error(failure, "remove", path);
}

std::string absolute_path(const std::string& path) {
  if (path.empty() || path[0] == '/') return path;
  char here[PATH_MAX];
  if (!::getcwd(here, sizeof here)) throw_file_error(-errno, "find the working directory for", path);
  return std::string(here) + "/" + path;
}

void sync_directory(Env& env, const std::string& path) { File(env, path, O_RDONLY | O_DIRECTORY).sync(); }

std::string random_hex(Env& env, std::size_t bytes) {
  Bytes random(bytes);
  env.random(random.data(), random.size());
  return to_hex(random);
}

}  // namespace jobhost::base
