#include "plugin/variables.hpp"

#include <elfutils/libdwfl.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <string_view>

#include "plugin/debug_variables.hpp"

namespace jobhost::plugin {
namespace {

/// Of a symbol: without the suffixes that the compiler and the demangler add.
std::string plain_name(const std::string& symbol) {
  std::string name = demangled(symbol.c_str());
  for (const std::string_view note : {" [clone", "[abi:"}) {
    for (std::size_t at; (at = name.find(note)) != std::string::npos;) {
      const std::size_t end = std::min(name.find(']', at), name.size() - 1);
      name.erase(at, end + 1 - at);
    }
  }
  // C: `calls.0` is a static variable of a function.
  std::size_t end = name.size();
  while (end > 0 && std::isdigit(static_cast<unsigned char>(name[end - 1]))) --end;
  const bool numbered = end < name.size() && end > 1 && name[end - 1] == '.';
  return numbered && !symbol.starts_with("_Z") ? name.substr(0, end - 1) : name;
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [text](std::string_view beginning) { return text.starts_with(beginning); });
}

/// Names that no scientist gave.
bool names_internals(std::string_view symbol, std::string_view name) {
  if (starts_with_any(symbol, {"_ZGV", "_ZTV", "_ZTI", "_ZTS", "_ZTT", "_ZTC", "_DYNAMIC", "_GLOBAL_OFFSET_TABLE_",
                               "_nl_", "DW.ref.", "jobhost_", "completed.", "CSWTCH.", "C.", ".L"})) {
    return true;
  }
  if (starts_with_any(name, {"std::", "__gnu_cxx::", "__cxxabiv1::", "jobhost::", "jobhost_"})) return true;
  const std::size_t scopes = name.rfind("::");
  const std::string_view last = scopes == std::string_view::npos ? name : name.substr(scopes + 2);
  return last.starts_with("__") ||                 // reserved for the implementation
         last.starts_with("jobhost_variable_");  // generated code keeps these beside those that they stand for
}

/// True where the program only reads once it is loaded.
bool is_read_only(Elf* elf, GElf_Word section) {
  Elf_Scn* scn = elf ? ::elf_getscn(elf, section) : nullptr;
  GElf_Shdr header;
  std::size_t names = 0;
  if (!scn || !::gelf_getshdr(scn, &header) || ::elf_getshdrstrndx(elf, &names) != 0) return false;
  const char* name = ::elf_strptr(elf, names, header.sh_name);
  return (header.sh_flags & SHF_WRITE) == 0 || (name && std::string_view(name).starts_with(".data.rel.ro"));
}

using Index = std::map<std::uint64_t, VariableName>;  // by address minus load bias

void add_symbols(Dwfl_Module* module, Index& index) {
  const int symbols = ::dwfl_module_getsymtab(module);
  for (int i = 0; i < symbols; ++i) {
    GElf_Sym symbol;
    GElf_Addr address = 0;
    GElf_Word section = 0;
    Elf* elf = nullptr;
    const char* text = ::dwfl_module_getsym_info(module, i, &symbol, &address, &section, &elf, nullptr);
    const int type = GELF_ST_TYPE(symbol.st_info);
    if (!text || !*text || (type != STT_OBJECT && type != STT_COMMON) || symbol.st_size == 0 || section == SHN_UNDEF ||
        section == SHN_ABS || address < DebugFile::kBase) {
      continue;
    }
    VariableName variable;
    variable.name = plain_name(text);
    variable.is_internal = names_internals(text, variable.name);
    variable.is_const = is_read_only(elf, section);
    variable.size = symbol.st_size;
    if (std::string_view(text).starts_with("_ZZ")) {
      variable.function = variable.name.substr(0, variable.name.rfind("::"));
    }
    auto [known, fresh] = index.try_emplace(address - DebugFile::kBase, variable);
    if (!fresh && known->second.is_internal) known->second = variable;
  }
}

void add_debug_information(const DebugFile& file, Index& index) {
  for (const auto& found : debug_variables(file)) {
    auto [known, fresh] = index.try_emplace(found.address);
    VariableName& variable = known->second;
    if (fresh) {
      variable.name = found.name;
      variable.is_internal = names_internals("", found.name);
    }
    const bool mangled = variable.name.find("::") != std::string::npos;
    if (!mangled && !found.name.empty()) variable.name = found.name;  // C: the symbol does not tell the function
    if (variable.size == 0) variable.size = found.size;
    if (variable.file.empty()) variable.file = found.file;
    if (variable.line == 0) variable.line = found.line;
    if (variable.function.empty()) variable.function = found.function;
    variable.is_const = variable.is_const || found.is_const;
  }
}

}  // namespace

struct Variables::State {
  std::map<std::string, Index> files;

  const Index& index_of(const std::string& path) {
    auto [known, fresh] = files.try_emplace(path);
    if (!fresh) return known->second;
    const DebugFile file(path);
    if (!file.module()) return known->second;
    add_symbols(file.module(), known->second);
    add_debug_information(file, known->second);
    return known->second;
  }
};

Variables::Variables() : state_(std::make_unique<State>()) {}
Variables::~Variables() = default;

std::optional<VariableName> Variables::find(const std::string& elf_path, std::uint64_t offset) {
  const Index& index = state_->index_of(elf_path);
  auto next = index.upper_bound(offset);
  if (next == index.begin()) return std::nullopt;
  const auto& [address, variable] = *std::prev(next);
  if (offset - address >= variable.size) return std::nullopt;
  VariableName found = variable;
  found.offset = offset - address;
  return found;
}

}  // namespace jobhost::plugin
