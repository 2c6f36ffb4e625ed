#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plugin/debug_file.hpp"

namespace jobhost::plugin {

/// What DWARF says of a variable of static storage.
struct DebugVariable {
  std::uint64_t address = 0;  // minus load bias
  std::uint64_t size = 0;     // bytes, 0 when not known
  std::string name;           // with its scopes
  std::string function;       // that it is local to, without result type; "" for none
  std::string file;
  int line = 0;
  bool is_const = false;
};

/// All of them in the file; those that are declared more than once come more than once.
std::vector<DebugVariable> debug_variables(const DebugFile& file);

/// "f<int>(int)" for the mangled name of a function: without what it returns.
std::string function_name(const std::string& mangled);

}  // namespace jobhost::plugin
