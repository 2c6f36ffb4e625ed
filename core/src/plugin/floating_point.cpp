#include "plugin/floating_point.hpp"

#include <cstring>

#include "plugin/elf_file.hpp"

namespace jobhost::plugin {
namespace {

constexpr std::uint64_t kLargestTable = 1ULL << 30;

}  // namespace

bool links_fast_math(base::Env& env, const std::string& path) {
  const ElfFile file(env, path);
  const auto symbols = file.section(".symtab", kLargestTable);
  const auto names = file.section(".strtab", kLargestTable);
  if (!symbols || !names) return false;
  for (std::size_t at = 0; at + sizeof(Elf64_Sym) <= symbols->size(); at += sizeof(Elf64_Sym)) {
    Elf64_Sym symbol;
    std::memcpy(&symbol, symbols->data() + at, sizeof symbol);
    // The constructor in crtfastmath.o.
    if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && has_text_at(*names, symbol.st_name, "set_fast_math")) return true;
  }
  return false;
}

}  // namespace jobhost::plugin
