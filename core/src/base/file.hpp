#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/env.hpp"
#include "base/error.hpp"

namespace jobhost::base {

/// An open descriptor, closed on destruction. Moves, does not copy. Every failing call throws Error with the path, the
/// reason in words and, for a full disk, what to do.
class File {
 public:
  File() = default;
  /// Throws Error(code_of(errno)) when it cannot be opened.
  File(Env& env, std::string path, int flags, mode_t mode = 0600);
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  /// Nothing when the file does not exist; throws on any other failure.
  static std::optional<File> open_if_exists(Env& env, const std::string& path, int flags);
  /// Owns a descriptor that is open.
  static File adopt(Env& env, const std::string& path, int fd);

  int fd() const { return fd_; }
  const std::string& path() const { return path_; }
  std::uint64_t size() const;
  void write(ByteView bytes);  // all of it, at the current position (or the end with O_APPEND)
  /// Reads up to bytes.size() at `offset`; returns how many, less only at the end of the file.
  std::size_t read_at(std::uint64_t offset, std::span<unsigned char> bytes) const;
  void sync();  // a failure says that data may be lost, and says it only once: never sync again after it
  void truncate(std::uint64_t size);
  void close();  // reports a failing close; the destructor does not

 private:
  Env* env_ = nullptr;
  std::string path_;
  int fd_ = -1;
};

/// "cannot write 'out.csv': no space left on device" as an Error; ENOSPC and EDQUOT add a hint.
[[noreturn]] void throw_file_error(int negative_errno, const std::string& action, const std::string& path);

/// All that an open file holds; Error(kDamaged) when it is more than `limit` bytes.
Bytes read_file(const File& file, std::uint64_t limit);

/// The whole file; Error(kDamaged) when it is larger than `limit` bytes.
Bytes read_file(Env& env, const std::string& path, std::uint64_t limit);

/// Makes `path` appear complete or not at all: writes a neighbour under a unique name, optionally syncs it, renames.
void write_file_atomically(Env& env, const std::string& path, ByteView bytes, bool durable, mode_t mode = 0600);

/// mkdir -p with mode 0700 for what is new.
void make_directories(Env& env, const std::string& path);

/// The path seen from the working directory; "" stays.
std::string absolute_path(const std::string& path);

/// Nothing when there is nothing that this process may see; throws when nobody knows, as on an input/output error.
std::optional<FileStatus> status_if_exists(Env& env, const std::string& path);
bool exists(Env& env, const std::string& path);

/// Sorted names in a directory, without "." and ".."; none when there is no such directory.
std::vector<std::string> names_in(Env& env, const std::string& path);

/// rm -r beneath `path`; follows no symbolic link. Missing is fine.
void remove_tree(Env& env, const std::string& path);

/// fsync of a directory, so that names in it survive a power cut.
void sync_directory(Env& env, const std::string& path);

/// 2*bytes lower-case hexadecimal digits of random data.
std::string random_hex(Env& env, std::size_t bytes);

}  // namespace jobhost::base
