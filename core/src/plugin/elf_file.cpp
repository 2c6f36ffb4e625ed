#include "plugin/elf_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "base/hex.hpp"

namespace jobhost::plugin {
namespace {

constexpr std::size_t kHead = 4096;
constexpr std::size_t kTextPart = 128;
constexpr std::size_t kLongestText = 1 << 14;
constexpr std::size_t kMostTexts = 4096;
constexpr std::size_t kMostSegments = 1024;
constexpr std::uint64_t kLargestNotes = 1 << 16;

}  // namespace

bool has_text_at(base::ByteView bytes, std::uint64_t offset, std::string_view text) {
  return offset < bytes.size() && bytes.size() - offset > text.size() &&
         base::as_text(bytes.subspan(offset, text.size())) == text && bytes[offset + text.size()] == 0;
}

base::Error refusal(const std::string& path, const std::string& why, const std::string& hint) {
  return {base::ExitCode::kPluginRefused, "'" + path + "' " + why, hint};
}

ElfFile::ElfFile(base::Env& env, const std::string& path)
    : file_(env, path, O_RDONLY | O_NONBLOCK), size_(file_.size()), head_(kHead) {
  base::FileStatus status;
  if (env.status(file_.fd(), status) >= 0 && !S_ISREG(status.mode)) throw refusal(path, "is not a regular file");
  head_.resize(file_.read_at(0, head_));
  if (head_.size() < sizeof header_ || std::memcmp(head_.data(), ELFMAG, SELFMAG) != 0) {
    throw refusal(path, "is not a shared library", "a plugin is built with add_job_kernel()");
  }
  std::memcpy(&header_, head_.data(), sizeof header_);
  if (header_.e_ident[EI_CLASS] != ELFCLASS64 || header_.e_ident[EI_DATA] != ELFDATA2LSB ||
      header_.e_machine != EM_X86_64) {
    throw refusal(path, "is built for another kind of machine than this one (x86-64)");
  }
  if (header_.e_type != ET_DYN) throw refusal(path, "is not a shared library but another kind of ELF file");
  if (header_.e_phnum > kMostSegments) throw refusal(path, "is a damaged ELF file");
  const auto raw = bytes_at(header_.e_phoff, header_.e_phnum * sizeof(Elf64_Phdr));
  segments_.resize(header_.e_phnum);
  if (!raw.empty()) std::memcpy(segments_.data(), raw.data(), raw.size());
}

void ElfFile::read(std::uint64_t offset, std::span<unsigned char> bytes) const {
  if (offset > size_ || bytes.size() > size_ - offset) throw refusal(path(), "is a damaged ELF file");
  if (offset + bytes.size() <= head_.size()) {
    std::copy_n(head_.begin() + static_cast<std::ptrdiff_t>(offset), bytes.size(), bytes.begin());
  } else if (file_.read_at(offset, bytes) < bytes.size()) {
    throw refusal(path(), "changed while it was read");
  }
}

base::Bytes ElfFile::bytes_at(std::uint64_t offset, std::uint64_t size) const {
  if (size > size_) throw refusal(path(), "is a damaged ELF file");
  base::Bytes bytes(size);
  read(offset, bytes);
  return bytes;
}

std::string ElfFile::text_at(std::uint64_t offset) const {
  std::string text;
  while (offset < size_ && text.size() < kLongestText) {
    const base::Bytes part = bytes_at(offset, std::min<std::uint64_t>(kTextPart, size_ - offset));
    const auto end = std::find(part.begin(), part.end(), 0);
    text.append(part.begin(), end);
    if (end != part.end()) return text;
    offset += part.size();
  }
  throw refusal(path(), "is a damaged ELF file");
}

std::uint64_t ElfFile::offset_of(std::uint64_t address) const {
  for (const auto& segment : segments_) {
    if (segment.p_type == PT_LOAD && address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz) {
      return address - segment.p_vaddr + segment.p_offset;
    }
  }
  throw refusal(path(), "is a damaged ELF file");
}

std::optional<base::Bytes> ElfFile::section(const std::string& name, std::uint64_t limit) const {
  if (header_.e_shoff == 0 || header_.e_shnum == 0 || header_.e_shstrndx >= header_.e_shnum ||
      header_.e_shentsize != sizeof(Elf64_Shdr)) {
    return std::nullopt;
  }
  std::vector<Elf64_Shdr> headers(header_.e_shnum);
  read(header_.e_shoff, {reinterpret_cast<unsigned char*>(headers.data()), headers.size() * sizeof(Elf64_Shdr)});
  const base::Bytes names = bytes_at(headers[header_.e_shstrndx].sh_offset, headers[header_.e_shstrndx].sh_size);
  for (const auto& header : headers) {
    if (header.sh_type == SHT_NOBITS || !has_text_at(names, header.sh_name, name)) continue;
    if (header.sh_size > limit) throw refusal(path(), "has a section '" + name + "' that is too large to be true");
    return bytes_at(header.sh_offset, header.sh_size);
  }
  return std::nullopt;
}

std::string ElfFile::build_id() const {
  for (const auto& segment : segments_) {
    if (segment.p_type != PT_NOTE) continue;
    if (segment.p_filesz > kLargestNotes) throw refusal(path(), "is a damaged ELF file");
    const base::Bytes bytes = bytes_at(segment.p_offset, segment.p_filesz);
    if (const std::string id = build_id_in(bytes); !id.empty()) return id;
  }
  return "";
}

std::string build_id_in(base::ByteView notes) {
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
  return "";
}

DynamicTable::DynamicTable(const ElfFile& file) : file_(file) {
  for (const auto& segment : file.segments()) {
    if (segment.p_type != PT_DYNAMIC) continue;
    const base::Bytes raw = file.bytes_at(segment.p_offset, segment.p_filesz);
    entries_.resize(raw.size() / sizeof(Elf64_Dyn));
    if (!entries_.empty()) std::memcpy(entries_.data(), raw.data(), entries_.size() * sizeof(Elf64_Dyn));
    const auto end = std::find_if(entries_.begin(), entries_.end(), [](const auto& e) { return e.d_tag == DT_NULL; });
    entries_.erase(end, entries_.end());
    break;
  }
  if (const auto address = value(DT_STRTAB)) {
    strings_ = file.offset_of(*address);
  } else {
    entries_.clear();
  }
}

std::optional<std::uint64_t> DynamicTable::value(std::int64_t tag) const {
  for (const auto& entry : entries_) {
    if (entry.d_tag == tag) return entry.d_un.d_val;
  }
  return std::nullopt;
}

std::vector<std::string> DynamicTable::texts(std::int64_t tag) const {
  std::vector<std::string> found;
  for (const auto& entry : entries_) {
    if (entry.d_tag != tag) continue;
    if (found.size() == kMostTexts) throw refusal(file_.path(), "is a damaged ELF file");
    found.push_back(text(entry.d_un.d_val));
  }
  return found;
}

}  // namespace jobhost::plugin
