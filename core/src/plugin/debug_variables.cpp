#include "plugin/debug_variables.hpp"

#include <dwarf.h>
#include <elfutils/libdwfl.h>

#include <map>
#include <optional>

namespace jobhost::plugin {
namespace {

constexpr int kMaxDepth = 200;  // of scopes and of types

/// What surrounds an entry.
struct Scope {
  std::string prefix;    // "ns::", "f(int)::"
  std::string function;  // "f(int)"
};

std::string text_of(Dwarf_Die* die, unsigned attribute_name) {
  Dwarf_Attribute attribute;
  const char* text = ::dwarf_formstring(::dwarf_attr_integrate(die, attribute_name, &attribute));
  return text ? text : "";
}

std::string linkage_name(Dwarf_Die* die) {
  const std::string name = text_of(die, DW_AT_linkage_name);
  return name.empty() ? text_of(die, DW_AT_MIPS_linkage_name) : name;
}

/// A fixed place in memory, or nothing: registers, stack, thread-local storage.
std::optional<Dwarf_Addr> static_address(Dwarf_Die* die) {
  Dwarf_Attribute attribute, indexed;
  Dwarf_Op* operations = nullptr;
  std::size_t count = 0;
  if (!::dwarf_attr_integrate(die, DW_AT_location, &attribute) ||
      ::dwarf_getlocation(&attribute, &operations, &count) != 0 || count != 1) {
    return std::nullopt;
  }
  if (operations[0].atom == DW_OP_addr) return operations[0].number;
  Dwarf_Addr address = 0;
  if (operations[0].atom == DW_OP_addrx && ::dwarf_getlocation_attr(&attribute, operations, &indexed) == 0 &&
      ::dwarf_formaddr(&indexed, &address) == 0) {
    return address;
  }
  return std::nullopt;
}

struct TypeFacts {
  std::uint64_t size = 0;
  bool is_const = false;
};

/// Of an array: const when its items are.
TypeFacts type_facts(Dwarf_Die* die) {
  TypeFacts facts;
  Dwarf_Attribute attribute;
  Dwarf_Die type;
  if (!::dwarf_formref_die(::dwarf_attr_integrate(die, DW_AT_type, &attribute), &type)) return facts;
  Dwarf_Word size = 0;
  if (::dwarf_aggregate_size(&type, &size) == 0) facts.size = size;
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    const int tag = ::dwarf_tag(&type);
    facts.is_const = facts.is_const || tag == DW_TAG_const_type;
    const bool transparent =
        tag == DW_TAG_const_type || tag == DW_TAG_volatile_type || tag == DW_TAG_typedef || tag == DW_TAG_array_type;
    if (!transparent || !::dwarf_formref_die(::dwarf_attr_integrate(&type, DW_AT_type, &attribute), &type)) break;
  }
  return facts;
}

class Walk {
 public:
  explicit Walk(std::vector<DebugVariable>& found) : found_(found) {}

  void unit(Dwarf_Die* die, Dwarf_Addr bias) {
    bias_ = bias;
    declared_.clear();
    children(die, {}, 0);
  }

 private:
  void children(Dwarf_Die* parent, const Scope& scope, int depth) {
    Dwarf_Die child;
    if (depth > kMaxDepth || ::dwarf_child(parent, &child) != 0) return;
    do {
      visit(&child, scope, depth + 1);
    } while (::dwarf_siblingof(&child, &child) == 0);
  }

  void visit(Dwarf_Die* die, const Scope& scope, int depth) {
    const char* name = ::dwarf_diename(die);
    switch (::dwarf_tag(die)) {
      case DW_TAG_variable:
      case DW_TAG_member:  // a static one
        if (::dwarf_hasattr(die, DW_AT_declaration)) declared_[::dwarf_dieoffset(die)] = scope;
        return variable(die, scope);
      case DW_TAG_namespace:
        return children(die, {scope.prefix + (name ? name : "(anonymous namespace)") + "::", ""}, depth);
      case DW_TAG_class_type:
      case DW_TAG_structure_type:
      case DW_TAG_union_type:
        return children(die, {scope.prefix + (name ? name : "(anonymous)") + "::", scope.function}, depth);
      case DW_TAG_subprogram:
      case DW_TAG_inlined_subroutine: {
        if (::dwarf_haschildren(die) != 1) return;
        const std::string mangled = linkage_name(die);
        const std::string function =
            mangled.empty() ? scope.prefix + (name ? name : "") + "()" : function_name(mangled);
        return children(die, {function + "::", function}, depth);
      }
      case DW_TAG_lexical_block:
        return children(die, scope, depth);
    }
  }

  /// Of a definition: what surrounds the declaration that it refers to, if any.
  const Scope& declared_scope(Dwarf_Die* die, const Scope& otherwise) const {
    Dwarf_Attribute attribute;
    Dwarf_Die declaration;
    if (!::dwarf_formref_die(::dwarf_attr(die, DW_AT_specification, &attribute), &declaration)) return otherwise;
    const auto known = declared_.find(::dwarf_dieoffset(&declaration));
    return known == declared_.end() ? otherwise : known->second;
  }

  void variable(Dwarf_Die* die, const Scope& surroundings) {
    const auto address = static_address(die);
    if (!address) return;
    const Scope& scope = declared_scope(die, surroundings);
    DebugVariable& variable = found_.emplace_back();
    variable.address = *address + bias_ - DebugFile::kBase;
    const std::string mangled = linkage_name(die);
    const char* name = ::dwarf_diename(die);
    variable.name = mangled.empty() ? scope.prefix + (name ? name : "") : demangled(mangled.c_str());
    variable.function = scope.function;
    if (const char* file = ::dwarf_decl_file(die)) variable.file = file;
    ::dwarf_decl_line(die, &variable.line);
    const TypeFacts type = type_facts(die);
    variable.size = type.size;
    variable.is_const = type.is_const;
  }

  std::vector<DebugVariable>& found_;
  std::map<Dwarf_Off, Scope> declared_;  // by place of the declaration in the unit that is walked
  Dwarf_Addr bias_ = 0;
};

}  // namespace

std::vector<DebugVariable> debug_variables(const DebugFile& file) {
  std::vector<DebugVariable> found;
  if (!file.module()) return found;
  Walk walk(found);
  Dwarf_Addr bias = 0;
  for (Dwarf_Die* unit = nullptr; (unit = ::dwfl_module_nextcu(file.module(), unit, &bias)) != nullptr;) {
    walk.unit(unit, bias);
  }
  return found;
}

std::string function_name(const std::string& mangled) {
  if (!mangled.starts_with("_Z")) return mangled + "()";
  // The name of a variable in it holds the function's as people refer to it.
  const std::string local = demangled(("_ZZ" + mangled.substr(2) + "E1x").c_str());
  return local.ends_with("::x") ? local.substr(0, local.size() - 3) : demangled(mangled.c_str());
}

}  // namespace jobhost::plugin
