#include "notes.hpp"

#include <elf.h>

#include <cstring>
#include <fstream>
#include <iterator>

namespace jobhost::scan {
namespace {

template <class T>
bool read(const std::string& file, std::uint64_t at, T& value) {
  if (at > file.size() || file.size() - at < sizeof value) return false;
  std::memcpy(&value, file.data() + at, sizeof value);
  return true;
}

/// The section holds one text per source file, with zeros between them for alignment and empty lines where nothing is
/// to be said.
std::string lines_of(const std::string& text) {
  std::string lines;
  for (char c : text) {
    const bool empty_line = c == '\n' && (lines.empty() || lines.back() == '\n');
    if (c != '\0' && !empty_line) lines += c;
  }
  return lines;
}

}  // namespace

std::string notes_of(const std::string& plugin) {
  std::ifstream stream(plugin, std::ios::binary);
  const std::string file((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  Elf64_Ehdr header;
  if (!read(file, 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return "";
  Elf64_Shdr names, section;
  if (!read(file, header.e_shoff + std::uint64_t{header.e_shstrndx} * sizeof names, names)) return "";
  for (std::uint64_t i = 0; i < header.e_shnum; ++i) {
    if (!read(file, header.e_shoff + i * sizeof section, section)) return "";
    const std::uint64_t name = names.sh_offset + section.sh_name;
    if (name >= file.size() || std::strcmp(file.c_str() + name, "jobhost_notes") != 0) continue;
    if (section.sh_offset > file.size() || section.sh_size > file.size() - section.sh_offset) return "";
    return lines_of(file.substr(section.sh_offset, section.sh_size));
  }
  return "";
}

}  // namespace jobhost::scan
