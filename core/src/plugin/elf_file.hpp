#pragma once

#include <elf.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"

namespace jobhost::plugin {

/// "'path' why" as Error(kPluginRefused).
base::Error refusal(const std::string& path, const std::string& why, const std::string& hint = {});

/// Whether the NUL-terminated string at `offset` is `text`.
bool has_text_at(base::ByteView bytes, std::uint64_t offset, std::string_view text);

/// The build id among ELF notes, lower-case hexadecimal, "" when it is not there.
std::string build_id_in(base::ByteView notes);

/// A shared library as a file, of which only what is asked for is read: it may be large, and most of it debug
/// information. Every offset is checked against the size of the file; what is beyond is refused as damage.
class ElfFile {
 public:
  /// Throws Error(kPluginRefused) when it is no shared library for this kind of machine (x86-64).
  ElfFile(base::Env& env, const std::string& path);

  const std::string& path() const { return file_.path(); }
  const std::vector<Elf64_Phdr>& segments() const { return segments_; }
  /// Lower-case hexadecimal, "" when absent.
  std::string build_id() const;
  /// Contents of the section called `name`, nothing when there is none.
  std::optional<base::Bytes> section(const std::string& name, std::uint64_t limit) const;
  base::Bytes bytes_at(std::uint64_t offset, std::uint64_t size) const;
  /// Where the file keeps what is loaded at `address`.
  std::uint64_t offset_of(std::uint64_t address) const;

  template <class T>
  T value_at(std::uint64_t offset) const {
    T value;
    read(offset, {reinterpret_cast<unsigned char*>(&value), sizeof value});
    return value;
  }
  /// A NUL-terminated string.
  std::string text_at(std::uint64_t offset) const;

 private:
  void read(std::uint64_t offset, std::span<unsigned char> bytes) const;

  base::File file_;
  std::uint64_t size_;
  base::Bytes head_;  // the first page: headers and notes are there
  Elf64_Ehdr header_{};
  std::vector<Elf64_Phdr> segments_;
};

/// What the loader is told about a library.
class DynamicTable {
 public:
  explicit DynamicTable(const ElfFile& file);  // the file must outlive it
  std::optional<std::uint64_t> value(std::int64_t tag) const;
  /// The texts that entries of this kind refer to, in order.
  std::vector<std::string> texts(std::int64_t tag) const;
  std::string text(std::uint64_t offset) const { return file_.text_at(strings_ + offset); }

 private:
  const ElfFile& file_;
  std::vector<Elf64_Dyn> entries_;
  std::uint64_t strings_ = 0;  // offset in the file
};

}  // namespace jobhost::plugin
