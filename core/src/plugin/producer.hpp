#pragma once

#include <string>

namespace jobhost::plugin {

/// Compiler and flags as the debug information of the unit that holds the kernels says: "GNU C++20 12.2.0
/// -march=x86-64 -g -O2"; "" without debug information.
std::string producer(const std::string& elf_path);

}  // namespace jobhost::plugin
