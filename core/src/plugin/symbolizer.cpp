#include "plugin/symbolizer.hpp"

#include <dwarf.h>
#include <elfutils/libdwfl.h>

#include <cstdlib>
#include <map>
#include <utility>

#include "plugin/debug_file.hpp"

namespace jobhost::plugin {
namespace {

/// Linkage name where there is one, for it names scope and parameters.
std::string name_of(Dwarf_Die* die) {
  Dwarf_Attribute attribute;
  for (const unsigned tag :
       {static_cast<unsigned>(DW_AT_linkage_name), static_cast<unsigned>(DW_AT_MIPS_linkage_name)}) {
    if (const char* name = ::dwarf_formstring(::dwarf_attr_integrate(die, tag, &attribute))) return demangled(name);
  }
  const char* plain = ::dwarf_diename(die);
  return plain ? plain : "";
}

std::string call_file(Dwarf_Die* unit, Dwarf_Die* inlined) {
  Dwarf_Attribute attribute;
  Dwarf_Word number = 0;
  Dwarf_Files* files = nullptr;
  std::size_t count = 0;
  if (::dwarf_formudata(::dwarf_attr(inlined, DW_AT_call_file, &attribute), &number) != 0 ||
      ::dwarf_getsrcfiles(unit, &files, &count) != 0) {
    return "";
  }
  const char* name = ::dwarf_filesrc(files, number, nullptr, nullptr);
  return name ? name : "";
}

int call_line(Dwarf_Die* inlined) {
  Dwarf_Attribute attribute;
  Dwarf_Word line = 0;
  return ::dwarf_formudata(::dwarf_attr(inlined, DW_AT_call_line, &attribute), &line) == 0 ? static_cast<int>(line) : 0;
}

}  // namespace

struct Symbolizer::State {
  std::map<std::string, DebugFile> files;
  std::map<std::pair<std::string, std::uint64_t>, std::vector<SourceLine>> answers;

  std::vector<SourceLine> resolve(const std::string& path, std::uint64_t offset) {
    Dwfl_Module* module = files.try_emplace(path, path).first->second.module();
    if (!module) return {SourceLine{}};
    const GElf_Addr address = DebugFile::kBase + offset;
    SourceLine here;
    here.function = demangled(::dwfl_module_addrname(module, address));
    if (Dwfl_Line* line = ::dwfl_module_getsrc(module, address)) {
      if (const char* file = ::dwfl_lineinfo(line, nullptr, &here.line, nullptr, nullptr, nullptr)) here.file = file;
    }
    Dwarf_Addr bias = 0;
    Dwarf_Die* unit = ::dwfl_module_addrdie(module, address, &bias);
    // dwarf_getscopes goes on from an inlined call to where its function is defined; the calls are around its own
    // entry.
    Dwarf_Die* scopes = nullptr;
    Dwarf_Die innermost;
    int count = unit ? ::dwarf_getscopes(unit, address - bias, &scopes) : 0;
    if (count > 0) {
      innermost = scopes[0];
      std::free(std::exchange(scopes, nullptr));
      count = ::dwarf_getscopes_die(&innermost, &scopes);
    }
    const std::unique_ptr<Dwarf_Die, decltype(&std::free)> owned(scopes, &std::free);
    std::vector<SourceLine> chain;
    for (int i = 0; i < count; ++i) {
      const int tag = ::dwarf_tag(&scopes[i]);
      if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram) continue;
      if (const std::string name = name_of(&scopes[i]); !name.empty()) here.function = name;
      chain.push_back(here);
      if (tag == DW_TAG_subprogram) break;
      here = {"", call_file(unit, &scopes[i]), call_line(&scopes[i])};
    }
    if (chain.empty()) chain.push_back(here);
    return chain;
  }
};

Symbolizer::Symbolizer() : state_(std::make_unique<State>()) {}
Symbolizer::~Symbolizer() = default;

std::vector<SourceLine> Symbolizer::resolve(const std::string& elf_path, std::uint64_t offset) {
  auto [found, fresh] = state_->answers.try_emplace({elf_path, offset});
  if (fresh) found->second = state_->resolve(elf_path, offset);
  return found->second;
}

}  // namespace jobhost::plugin
