#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace jobhost::plugin {

/// One line of a stack as people read it.
struct SourceLine {
  std::string function;  // demangled, innermost inlined function; "" when not known
  std::string file;      // as the compiler was given it; "" when there is no debug information
  int line = 0;
};

/// Turns offsets inside ELF files into functions and source lines by DWARF (libdw; compressed sections and inlined
/// calls included), the dynamic symbol table otherwise. Keeps opened modules and answers; not for several threads at
/// once.
class Symbolizer {
 public:
  Symbolizer();
  ~Symbolizer();
  /// All (inlined) calls at `offset` (address minus load bias) in the file, innermost first; at least one element.
  std::vector<SourceLine> resolve(const std::string& elf_path, std::uint64_t offset);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace jobhost::plugin
