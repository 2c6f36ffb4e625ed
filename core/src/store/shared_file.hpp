#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file.hpp"

/// A large value that a host shares with the lanes of its machine, in files. File systems keep what is written in large
/// pages, so that it is written and mapped several times as fast as anonymous shared memory. The value is cut into
/// stripes, one file each, so that several threads can write it.
namespace jobhost::store {

/// Writes a value of known size from its begin to its end. What was made is removed when it goes before `keep`.
class SharedFileWriter {
 public:
  /// Makes `<path>.0`, `<path>.1`, ... Throws Error.
  SharedFileWriter(base::Env& env, const std::string& path, std::uint64_t size);
  SharedFileWriter(const SharedFileWriter&) = delete;
  SharedFileWriter& operator=(const SharedFileWriter&) = delete;
  ~SharedFileWriter();

  unsigned stripes() const { return static_cast<unsigned>(files_.size()); }
  /// `last`: nobody reads these bytes again, and their pages may go.
  void write(base::ByteView bytes, bool last);
  void keep() { kept_ = true; }

 private:
  void write_stripe(std::size_t number, base::ByteView bytes, bool last);

  base::Env& env_;
  std::string path_;
  std::uint64_t stripe_, at_ = 0;  // bytes of a stripe; written so far
  std::vector<base::File> files_;
  bool kept_ = false;
};

/// Path of a job's shared file, without the stripe. `folder`: the job's inputs.
std::string shared_file_path(const std::string& folder, std::uint64_t number);
void remove_shared_file(base::Env& env, const std::string& path, unsigned stripes);

/// The value in memory, its stripes one behind the other.
class SharedFileMapping {
 public:
  SharedFileMapping(base::Env& env, const std::string& path, std::uint64_t size, unsigned stripes);
  SharedFileMapping(SharedFileMapping&& other) noexcept;
  SharedFileMapping& operator=(SharedFileMapping&& other) noexcept;
  ~SharedFileMapping();
  const unsigned char* data() const { return data_; }

 private:
  unsigned char* room_ = nullptr;  // what is mapped
  std::uint64_t room_size_ = 0;
  const unsigned char* data_ = nullptr;
};

}  // namespace jobhost::store
