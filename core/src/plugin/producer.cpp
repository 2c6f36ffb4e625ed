#include "plugin/producer.hpp"

#include <dwarf.h>
#include <elfutils/libdwfl.h>

#include <string_view>

#include "plugin/debug_file.hpp"

namespace jobhost::plugin {
namespace {

std::string producer_of(Dwarf_Die* unit) {
  Dwarf_Attribute attribute;
  const char* text = ::dwarf_formstring(::dwarf_attr(unit, DW_AT_producer, &attribute));
  return text ? text : "";
}

/// An entry that the scanner's glue defines, or what a program's module finds its entries by.
bool is_entry(std::string_view symbol) { return symbol.starts_with("jobhost_kernel_") || symbol == "jobhost_entry_at"; }

}  // namespace

std::string producer(const std::string& elf_path) {
  const DebugFile file(elf_path);
  Dwfl_Module* module = file.module();
  if (!module) return "";
  Dwarf_Addr bias = 0;
  const int symbols = ::dwfl_module_getsymtab(module);
  for (int i = 0; i < symbols; ++i) {
    GElf_Sym symbol;
    GElf_Addr address = 0;
    const char* name = ::dwfl_module_getsym_info(module, i, &symbol, &address, nullptr, nullptr, nullptr);
    if (!name || symbol.st_shndx == SHN_UNDEF || !is_entry(name)) continue;
    if (Dwarf_Die* unit = ::dwfl_module_addrdie(module, address, &bias)) return producer_of(unit);
  }
  for (Dwarf_Die* unit = nullptr; (unit = ::dwfl_module_nextcu(module, unit, &bias)) != nullptr;) {
    const std::string text = producer_of(unit);
    if (!text.empty() && !text.starts_with("GNU AS")) return text;
  }
  return "";
}

}  // namespace jobhost::plugin
