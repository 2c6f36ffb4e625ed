#include <elf.h>
#include <fcntl.h>
#include <libelf.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/file.hpp"
#include "base/hex.hpp"
#include "jobhost/sdk/abi.h"
#include "plugin/inspect.hpp"

namespace jobhost::plugin {
namespace {

constexpr std::uint64_t kLargestSchema = 16ULL << 20;

base::Error refusal(const std::string& path, const std::string& why, const std::string& hint = {}) {
  return {base::ExitCode::kPluginRefused, "'" + path + "' " + why, hint};
}

/// A NUL-terminated string inside `bytes`, or "" when there is none at `offset`.
std::string string_at(base::ByteView bytes, std::uint64_t offset) {
  if (offset >= bytes.size()) return "";
  const auto* begin = reinterpret_cast<const char*>(bytes.data() + offset);
  return std::string(begin, ::strnlen(begin, bytes.size() - offset));
}

/// Reads what it is asked for: a library may be large, and most of it debug information.
class ElfFile {
 public:
  explicit ElfFile(base::File file) : path_(file.path()), file_(std::move(file)), size_(file_.size()) {
    if (file_.read_at(0, {reinterpret_cast<unsigned char*>(&header_), sizeof header_}) < sizeof header_ ||
        std::memcmp(header_.e_ident, ELFMAG, SELFMAG) != 0) {
      throw refusal(path_, "is not a shared library", "a plugin is built with add_job_kernel()");
    }
    if (header_.e_ident[EI_CLASS] != ELFCLASS64 || header_.e_ident[EI_DATA] != ELFDATA2LSB ||
        header_.e_machine != EM_X86_64) {
      throw refusal(path_, "is built for another kind of machine than this one (x86-64)");
    }
    if (header_.e_type != ET_DYN) throw refusal(path_, "is not a shared library but another kind of ELF file");
    ::elf_version(EV_CURRENT);
    elf_.reset(::elf_begin(file_.fd(), ELF_C_READ, nullptr));
    if (!elf_) throw refusal(path_, std::string("is a damaged ELF file: ") + ::elf_errmsg(-1));
  }

  base::Bytes bytes_at(std::uint64_t offset, std::uint64_t size) const {
    if (offset > size_ || size > size_ - offset) throw refusal(path_, "is a damaged ELF file");
    base::Bytes bytes(size);
    if (file_.read_at(offset, bytes) < size) throw refusal(path_, "changed while it was read");
    return bytes;
  }

  /// Contents of the section called `name`, nothing when there is none.
  std::optional<base::Bytes> section(const std::string& name, std::uint64_t limit) const {
    std::size_t names = 0;
    if (::elf_getshdrstrndx(elf_.get(), &names) != 0) return std::nullopt;
    for (Elf_Scn* scn = nullptr; (scn = ::elf_nextscn(elf_.get(), scn)) != nullptr;) {
      const Elf64_Shdr* header = ::elf64_getshdr(scn);
      const char* found = header ? ::elf_strptr(elf_.get(), names, header->sh_name) : nullptr;
      if (!found || name != found || header->sh_type == SHT_NOBITS) continue;
      if (header->sh_size > limit) throw refusal(path_, "has a section '" + name + "' that is too large to be true");
      return bytes_at(header->sh_offset, header->sh_size);
    }
    return std::nullopt;
  }

  std::vector<Elf64_Phdr> segments() const {
    std::vector<Elf64_Phdr> result(header_.e_phnum);
    const auto raw = bytes_at(header_.e_phoff, result.size() * sizeof(Elf64_Phdr));
    if (!raw.empty()) std::memcpy(result.data(), raw.data(), raw.size());
    return result;
  }

 private:
  std::string path_;
  base::File file_;
  std::uint64_t size_;
  Elf64_Ehdr header_{};
  std::unique_ptr<Elf, decltype(&::elf_end)> elf_{nullptr, &::elf_end};
};

std::string build_id_of(const ElfFile& file) {
  for (const auto& segment : file.segments()) {
    if (segment.p_type != PT_NOTE) continue;
    const base::Bytes bytes = file.bytes_at(segment.p_offset, segment.p_filesz);
    base::ByteView notes = bytes;
    while (notes.size() >= sizeof(Elf64_Nhdr)) {
      Elf64_Nhdr note;
      std::memcpy(&note, notes.data(), sizeof note);
      const std::uint64_t name = (std::uint64_t{note.n_namesz} + 3) & ~3ULL;
      const std::uint64_t content = (std::uint64_t{note.n_descsz} + 3) & ~3ULL;
      if (name + content > notes.size() - sizeof note) break;
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
          std::memcmp(notes.data() + sizeof note, "GNU", 4) == 0) {
        return base::to_hex(notes.subspan(sizeof note + name, note.n_descsz));
      }
      notes = notes.subspan(sizeof note + name + content);
    }
  }
  return "";
}

void split_paths(const std::string& text, const std::string& origin, std::vector<std::string>& paths) {
  for (std::size_t begin = 0; begin <= text.size();) {
    std::size_t end = text.find(':', begin);
    if (end == std::string::npos) end = text.size();
    std::string path = text.substr(begin, end - begin);
    for (const std::string word : {"${ORIGIN}", "$ORIGIN"}) {
      for (std::size_t at; (at = path.find(word)) != std::string::npos;) path.replace(at, word.size(), origin);
    }
    for (const std::string word : {"${LIB}", "$LIB"}) {
      for (std::size_t at; (at = path.find(word)) != std::string::npos;) {
        path.replace(at, word.size(), "lib/x86_64-linux-gnu");
      }
    }
    if (!path.empty()) paths.push_back(std::move(path));
    begin = end + 1;
  }
}

void read_dynamic(const ElfFile& file, const std::string& path, ElfFacts& facts) {
  const auto segments = file.segments();
  const auto file_offset = [&](std::uint64_t address) -> std::uint64_t {
    for (const auto& segment : segments) {
      if (segment.p_type == PT_LOAD && address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz) {
        return address - segment.p_vaddr + segment.p_offset;
      }
    }
    throw refusal(path, "is a damaged ELF file");
  };
  for (const auto& segment : segments) {
    if (segment.p_type != PT_DYNAMIC) continue;
    const base::Bytes raw = file.bytes_at(segment.p_offset, segment.p_filesz);
    std::vector<Elf64_Dyn> entries(raw.size() / sizeof(Elf64_Dyn));
    if (!entries.empty()) std::memcpy(entries.data(), raw.data(), entries.size() * sizeof(Elf64_Dyn));
    std::uint64_t table = 0, table_size = 0;
    for (const auto& entry : entries) {
      if (entry.d_tag == DT_STRTAB) table = entry.d_un.d_ptr;
      if (entry.d_tag == DT_STRSZ) table_size = entry.d_un.d_val;
    }
    if (table_size == 0) return;
    const base::Bytes strings = file.bytes_at(file_offset(table), table_size);
    std::string runpath, rpath;
    for (const auto& entry : entries) {
      if (entry.d_tag == DT_NULL) break;
      if (entry.d_tag == DT_NEEDED) facts.needed.push_back(string_at(strings, entry.d_un.d_val));
      if (entry.d_tag == DT_SONAME) facts.soname = string_at(strings, entry.d_un.d_val);
      if (entry.d_tag == DT_RUNPATH) runpath = string_at(strings, entry.d_un.d_val);
      if (entry.d_tag == DT_RPATH) rpath = string_at(strings, entry.d_un.d_val);
    }
    const std::size_t slash = path.rfind('/');
    split_paths(runpath.empty() ? rpath : runpath, slash == std::string::npos ? "." : path.substr(0, slash),
                facts.run_paths);
    return;
  }
}

}  // namespace

ElfFacts read_elf(base::Env& env, const std::string& path) {
  if (!base::exists(env, path)) {
    throw refusal(path, "does not exist", "build the plugin first: cmake -B b && cmake --build b");
  }
  try {
    const ElfFile file(base::File(env, path, O_RDONLY));
    ElfFacts facts;
    facts.build_id = build_id_of(file);
    read_dynamic(file, path, facts);
    if (const auto schema = file.section(JOBHOST_SCHEMA_SECTION, kLargestSchema)) {
      facts.schema = base::as_text(*schema);
    }
    return facts;
  } catch (const base::Error& error) {
    if (error.code() == base::ExitCode::kPluginRefused) throw;
    throw refusal(path, std::string("cannot be read: ") + error.what());
  }
}

std::string read_build_id(base::Env& env, const std::string& path) {
  try {
    return build_id_of(ElfFile(base::File(env, path, O_RDONLY)));
  } catch (const base::Error& error) {
    if (error.code() == base::ExitCode::kPluginRefused) throw;
    throw refusal(path, std::string("cannot be read: ") + error.what());
  }
}

schema::Description describe(base::Env& env, const std::string& path) {
  const ElfFacts facts = read_elf(env, path);
  if (facts.schema.empty()) {
    throw refusal(path, "is a shared library, but holds no kernels", "build it with add_job_kernel()");
  }
  schema::Description description = schema::parse_description(facts.schema, path);
  if (description.abi != JOBHOST_ABI) {
    throw refusal(path,
                  "was built for plugin ABI " + std::to_string(description.abi) + ", this jobhost has " +
                      std::to_string(JOBHOST_ABI),
                  "rebuild the plugin");
  }
  return description;
}

}  // namespace jobhost::plugin
