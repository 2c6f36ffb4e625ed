// A file system that shows a directory as a client of a network file system would: what it learnt of the directory it
// believes for a while, and what is written through it arrives there late. Several views of one directory are several
// machines that share a file system.
//
//   stale_view DIRECTORY MOUNTPOINT [OPTION=VALUE …]     seconds, with fractions; runs until it is unmounted
//
//   attributes=3   size and times of files, and with them what lies behind a file's end (a short read)
//   names=3        that a name exists
//   negative=3     that a name does not exist
//   listing=3      names in a directory, but for those that were made or removed through this view
//   writes=30      after which data arrives that no close() and no fsync() sent
//   open=1         whether open() asks for the file's name and attributes (close-to-open consistency)
//   stale=0        how often open() says ESTALE, with open=0, for a name that it takes for another file than it is now
//   lose=0         each so many links that were made are answered with EEXIST, as after a lost reply
//
// close() and fsync(), through whichever descriptor of the file, send what was written. The contents of a file are kept
// until its attributes turn out to have changed. A file that somebody else removed can be read while its attributes are
// believed, then it is ESTALE.
#define FUSE_USE_VERSION 35
#include <dirent.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

struct Options {
  double attributes = 3, names = 3, negative = 3, listing = 3, writes = 30;
  double open = 1, stale = 0, lose = 0;
} options;

std::string backing;
std::mutex mutex;  // of all below

/// A file as this view knows it, until its attributes have to be asked for again.
struct Inode {
  struct stat attributes {};
  Clock::time_point believed_until{};
  bool loaded = false;
  std::string contents;  // when loaded
  struct Write {
    off_t offset;
    std::string bytes;
  };
  std::vector<Write> unsent;
  Clock::time_point unsent_since{};
  int descriptor = -1;  // to send them through
  bool removed_here = false;
};
struct Name {
  ino_t inode = 0;  // 0: there is none
  Clock::time_point believed_until{};
  unsigned stale_answers = 0;
};
struct Listing {
  std::set<std::string> names;
  Clock::time_point believed_until{};
};
struct Handle {
  int descriptor;
  ino_t inode;
  bool append;
};

std::map<ino_t, Inode> inodes;
std::map<std::string, Name> names;
std::map<std::string, Listing> listings;
unsigned links_made = 0;

Clock::time_point in(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(Seconds(seconds));
}
bool believed(Clock::time_point until) { return Clock::now() < until; }
std::string real(const char* path) { return backing + path; }
int answer(int result) { return result < 0 ? -errno : result; }
Handle& handle_of(fuse_file_info* info) { return *reinterpret_cast<Handle*>(info->fh); }

std::string parent_of(const std::string& path) { return path.substr(0, std::max<std::size_t>(1, path.rfind('/'))); }
std::string last_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// Takes in what the file system says of a file. What this view has written and not sent stands above it.
Inode& learn(const struct stat& fresh) {
  Inode& inode = inodes[fresh.st_ino];
  if (inode.unsent.empty()) {
    const auto& known = inode.attributes;
    if (known.st_size != fresh.st_size || known.st_mtim.tv_sec != fresh.st_mtim.tv_sec ||
        known.st_mtim.tv_nsec != fresh.st_mtim.tv_nsec) {
      inode.loaded = false;
    }
    inode.attributes = fresh;
  }
  if (fresh.st_nlink > 0) inode.removed_here = false;  // numbers are used again
  inode.believed_until = in(options.attributes);
  return inode;
}

/// Asks for a name; 0 or -errno.
int ask(const std::string& path) {
  struct stat fresh {};
  if (::lstat((backing + path).c_str(), &fresh) < 0) {
    const int failure = -errno;
    if (failure == -ENOENT) names[path] = {0, in(options.negative)};
    return failure;
  }
  learn(fresh);
  names[path] = {fresh.st_ino, in(options.names)};
  return 0;
}

/// The file behind a name, asked for where it is not believed to be known.
int find(const std::string& path, Inode*& inode) {
  auto name = names.find(path);
  if (name != names.end() && believed(name->second.believed_until)) {
    if (name->second.inode == 0) return -ENOENT;
    inode = &inodes[name->second.inode];
    if (believed(inode->believed_until) || !inode->unsent.empty()) return 0;
  }
  if (const int failure = ask(path); failure < 0) return failure;
  inode = &inodes[names[path].inode];
  return 0;
}

/// Attributes of an open file; -ESTALE when somebody else removed it.
int refresh(const Handle& handle) {
  Inode& inode = inodes[handle.inode];
  if (believed(inode.believed_until) || !inode.unsent.empty()) return 0;
  struct stat fresh {};
  if (::fstat(handle.descriptor, &fresh) < 0) return -errno;
  if (fresh.st_nlink == 0 && !inode.removed_here) return -ESTALE;
  learn(fresh);
  return 0;
}

int load(Inode& inode, int descriptor) {
  if (inode.loaded) return 0;
  inode.contents.resize(static_cast<std::size_t>(inode.attributes.st_size));
  const ssize_t got = ::pread(descriptor, inode.contents.data(), inode.contents.size(), 0);
  if (got < 0) return -errno;
  inode.contents.resize(static_cast<std::size_t>(got));
  inode.loaded = true;
  return 0;
}

/// Sends what was written.
int send(Inode& inode) {
  if (inode.unsent.empty()) return 0;
  int failure = 0;
  for (const auto& write : inode.unsent) {
    const ssize_t sent = ::pwrite(inode.descriptor, write.bytes.data(), write.bytes.size(), write.offset);
    if (sent != static_cast<ssize_t>(write.bytes.size()) && failure == 0) failure = sent < 0 ? -errno : -EIO;
  }
  inode.unsent.clear();
  struct stat fresh {};
  if (::fstat(inode.descriptor, &fresh) == 0) {
    inode.attributes = fresh;  // the changes are this view's own: the contents stay
    inode.believed_until = in(options.attributes);
  }
  ::close(inode.descriptor);
  inode.descriptor = -1;
  return failure;
}

/// After a change of this view's own.
void made(const std::string& path) {
  ask(path);
  ask(parent_of(path));
  if (auto listing = listings.find(parent_of(path)); listing != listings.end()) {
    listing->second.names.insert(last_of(path));
  }
}

void removed(const std::string& path) {
  names[path] = {0, in(options.negative)};
  ask(parent_of(path));
  if (auto listing = listings.find(parent_of(path)); listing != listings.end()) {
    listing->second.names.erase(last_of(path));
  }
  const std::string beneath = path + "/";
  for (auto name = names.lower_bound(beneath); name != names.end() && name->first.starts_with(beneath);) {
    name = names.erase(name);
  }
  for (auto listing = listings.lower_bound(path); listing != listings.end() && listing->first.starts_with(path);) {
    const bool gone = listing->first == path || listing->first.starts_with(beneath);
    listing = gone ? listings.erase(listing) : std::next(listing);
  }
}

int remember_handle(int descriptor, fuse_file_info* info) {
  struct stat fresh {};
  if (::fstat(descriptor, &fresh) < 0) {
    const int failure = -errno;
    ::close(descriptor);
    return failure;
  }
  learn(fresh);
  info->fh = reinterpret_cast<std::uint64_t>(new Handle{descriptor, fresh.st_ino, (info->flags & O_APPEND) != 0});
  info->direct_io = 1;  // the kernel keeps nothing: what is believed is decided here
  return 0;
}

/// Descriptors of this process read too, and write where they are told to.
int own_flags(int flags) {
  const int access = (flags & O_ACCMODE) == O_RDONLY ? O_RDONLY : O_RDWR;
  return (flags & ~(O_ACCMODE | O_APPEND | O_EXCL | O_CREAT | O_NOFOLLOW | O_DIRECT)) | access | O_CLOEXEC;
}

int view_getattr(const char* path, struct stat* status, fuse_file_info* info) {
  const std::lock_guard lock(mutex);
  if (info) {
    if (const int failure = refresh(handle_of(info)); failure < 0) return failure;
    *status = inodes[handle_of(info).inode].attributes;
    return 0;
  }
  Inode* inode = nullptr;
  if (const int failure = find(path, inode); failure < 0) return failure;
  *status = inode->attributes;
  return 0;
}

int view_open(const char* path, fuse_file_info* info) {
  const std::lock_guard lock(mutex);
  Inode* inode = nullptr;
  if (options.open != 0) ask(path);
  if (const int failure = find(path, inode); failure < 0) return failure;
  struct stat now {};
  if (::lstat(real(path).c_str(), &now) < 0 || now.st_ino != names[path].inode) {
    if (names[path].stale_answers++ < static_cast<unsigned>(options.stale)) return -ESTALE;
    ask(path);
    if (const int failure = find(path, inode); failure < 0) return failure;
  }
  if ((info->flags & O_TRUNC) != 0) {
    if (const int failure = send(*inode); failure < 0) return failure;
  }
  const int descriptor = ::open(real(path).c_str(), own_flags(info->flags));
  return descriptor < 0 ? -errno : remember_handle(descriptor, info);
}

int view_create(const char* path, mode_t mode, fuse_file_info* info) {
  const std::lock_guard lock(mutex);
  const int descriptor = ::open(real(path).c_str(), own_flags(info->flags) | O_CREAT | (info->flags & O_EXCL), mode);
  if (descriptor < 0) return -errno;
  made(path);
  return remember_handle(descriptor, info);
}

int view_read(const char*, char* bytes, std::size_t size, off_t offset, fuse_file_info* info) {
  const std::lock_guard lock(mutex);
  const Handle& handle = handle_of(info);
  if (const int failure = refresh(handle); failure < 0) return failure;
  Inode& inode = inodes[handle.inode];
  if (const int failure = load(inode, handle.descriptor); failure < 0) return failure;
  const auto from = static_cast<std::size_t>(offset);
  if (from >= inode.contents.size()) return 0;
  return static_cast<int>(inode.contents.copy(bytes, size, from));
}

int view_write(const char*, const char* bytes, std::size_t size, off_t offset, fuse_file_info* info) {
  const std::lock_guard lock(mutex);
  const Handle& handle = handle_of(info);
  if (const int failure = refresh(handle); failure < 0) return failure;
  Inode& inode = inodes[handle.inode];
  if (const int failure = load(inode, handle.descriptor); failure < 0) return failure;
  if (handle.append) offset = inode.attributes.st_size;
  if (inode.unsent.empty()) {
    inode.unsent_since = Clock::now();
    inode.descriptor = ::fcntl(handle.descriptor, F_DUPFD_CLOEXEC, 0);
    if (inode.descriptor < 0) return -errno;
  }
  inode.unsent.push_back({offset, std::string(bytes, size)});
  const auto from = static_cast<std::size_t>(offset);
  inode.contents.resize(std::max(inode.contents.size(), from + size));
  inode.contents.replace(from, size, bytes, size);
  inode.attributes.st_size = static_cast<off_t>(inode.contents.size());
  ::clock_gettime(CLOCK_REALTIME, &inode.attributes.st_mtim);
  return static_cast<int>(size);
}

int view_flush(const char*, fuse_file_info* info) {
  const std::lock_guard lock(mutex);
  return send(inodes[handle_of(info).inode]);
}

int view_fsync(const char* path, int, fuse_file_info* info) { return view_flush(path, info); }

int view_release(const char* path, fuse_file_info* info) {
  const int failure = view_flush(path, info);
  const std::lock_guard lock(mutex);
  ::close(handle_of(info).descriptor);
  delete &handle_of(info);
  return failure;
}

int view_truncate(const char* path, off_t size, fuse_file_info* info) {
  const std::lock_guard lock(mutex);
  struct stat fresh {};
  if (info) {
    Inode& inode = inodes[handle_of(info).inode];
    if (const int failure = send(inode); failure < 0) return failure;
    if (::ftruncate(handle_of(info).descriptor, size) < 0) return -errno;
    if (::fstat(handle_of(info).descriptor, &fresh) < 0) return -errno;
    learn(fresh);
    return 0;
  }
  Inode* inode = nullptr;
  if (const int failure = find(path, inode); failure < 0) return failure;
  if (const int failure = send(*inode); failure < 0) return failure;
  if (::truncate(real(path).c_str(), size) < 0) return -errno;
  return ask(path);
}

int view_opendir(const char* path, fuse_file_info*) {
  const std::lock_guard lock(mutex);
  Inode* inode = nullptr;
  return find(path, inode);
}

int view_readdir(const char* path, void* into, fuse_fill_dir_t fill, off_t, fuse_file_info*, fuse_readdir_flags) {
  const std::lock_guard lock(mutex);
  Listing& listing = listings[path];
  if (!believed(listing.believed_until)) {
    DIR* directory = ::opendir(real(path).c_str());
    if (!directory) return -errno;
    listing.names.clear();
    while (const dirent* entry = ::readdir(directory)) listing.names.insert(entry->d_name);
    ::closedir(directory);
    listing.believed_until = in(options.listing);
  }
  for (const auto& name : listing.names) fill(into, name.c_str(), nullptr, 0, fuse_fill_dir_flags{});
  return 0;
}

int view_mkdir(const char* path, mode_t mode) {
  const std::lock_guard lock(mutex);
  if (::mkdir(real(path).c_str(), mode) < 0) return -errno;
  made(path);
  return 0;
}

int view_remove(const char* path, int (*remove)(const char*)) {
  const std::lock_guard lock(mutex);
  struct stat before {};
  const bool there = ::lstat(real(path).c_str(), &before) == 0;
  if (remove(real(path).c_str()) < 0) return -errno;
  if (there && S_ISREG(before.st_mode)) inodes[before.st_ino].removed_here = true;
  removed(path);
  return 0;
}
int view_unlink(const char* path) { return view_remove(path, ::unlink); }
int view_rmdir(const char* path) { return view_remove(path, ::rmdir); }

int view_rename(const char* from, const char* to, unsigned flags) {
  if (flags != 0) return -EINVAL;
  const std::lock_guard lock(mutex);
  if (::rename(real(from).c_str(), real(to).c_str()) < 0) return -errno;
  removed(from);
  removed(to);
  made(to);
  return 0;
}

int view_link(const char* from, const char* to) {
  const std::lock_guard lock(mutex);
  if (::link(real(from).c_str(), real(to).c_str()) < 0) return -errno;
  if (options.lose > 0 && ++links_made % static_cast<unsigned>(options.lose) == 0) return -EEXIST;
  ask(from);
  made(to);
  return 0;
}

int view_chmod(const char* path, mode_t mode, fuse_file_info*) {
  const std::lock_guard lock(mutex);
  if (::chmod(real(path).c_str(), mode) < 0) return -errno;
  return ask(path);
}

int view_utimens(const char* path, const timespec times[2], fuse_file_info*) {
  const std::lock_guard lock(mutex);
  if (::utimensat(AT_FDCWD, real(path).c_str(), times, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
  return ask(path);
}

int view_statfs(const char*, struct statvfs* status) { return answer(::statvfs(backing.c_str(), status)); }

void* view_init(fuse_conn_info*, fuse_config* config) {
  config->use_ino = 1;
  config->hard_remove = 1;
  config->entry_timeout = config->negative_timeout = config->attr_timeout = 0;
  // What nobody closes or syncs arrives in the end.
  std::thread([] {
    for (;; std::this_thread::sleep_for(std::chrono::milliseconds(100))) {
      const std::lock_guard lock(mutex);
      for (auto& [number, inode] : inodes) {
        if (!inode.unsent.empty() && Seconds(Clock::now() - inode.unsent_since).count() >= options.writes) send(inode);
      }
    }
  }).detach();
  return nullptr;
}

bool set_option(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos) return false;
  const std::string name = word.substr(0, equals);
  char* end = nullptr;
  const double value = std::strtod(word.c_str() + equals + 1, &end);
  if (end == word.c_str() + equals + 1 || *end != '\0') return false;
  const std::map<std::string, double*> known = {{"attributes", &options.attributes}, {"names", &options.names},
                                                {"negative", &options.negative},     {"listing", &options.listing},
                                                {"writes", &options.writes},         {"open", &options.open},
                                                {"stale", &options.stale},           {"lose", &options.lose}};
  const auto found = known.find(name);
  if (found == known.end()) return false;
  *found->second = value;
  return true;
}

}  // namespace

int main(int count, char** words) {
  if (count < 3) {
    std::fprintf(stderr, "usage: stale_view DIRECTORY MOUNTPOINT [OPTION=VALUE ...]\n");
    return 2;
  }
  for (int i = 3; i < count; ++i) {
    if (set_option(words[i])) continue;
    std::fprintf(stderr, "stale_view: '%s' is no option with a number\n", words[i]);
    return 2;
  }
  char* const directory = ::realpath(words[1], nullptr);
  if (!directory) {
    std::perror(words[1]);
    return 2;
  }
  backing = directory;
  std::free(directory);
  fuse_operations operations{};
  operations.getattr = view_getattr;
  operations.open = view_open;
  operations.create = view_create;
  operations.read = view_read;
  operations.write = view_write;
  operations.flush = view_flush;
  operations.fsync = view_fsync;
  operations.release = view_release;
  operations.truncate = view_truncate;
  operations.opendir = view_opendir;
  operations.readdir = view_readdir;
  operations.mkdir = view_mkdir;
  operations.unlink = view_unlink;
  operations.rmdir = view_rmdir;
  operations.rename = view_rename;
  operations.link = view_link;
  operations.chmod = view_chmod;
  operations.utimens = view_utimens;
  operations.statfs = view_statfs;
  operations.init = view_init;
  ::umask(0);
  char foreground[] = "-f", one_thread[] = "-s";
  char* fuse_words[] = {words[0], foreground, one_thread, words[2], nullptr};
  return fuse_main(4, fuse_words, &operations, nullptr);
}
