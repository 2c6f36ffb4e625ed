#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace jobhost::plugin {

/// A variable of static storage as people know it.
struct VariableName {
  std::string name;          // "ns::counter", "f(int)::calls"
  std::string file;          // as the compiler was given it; "" without debug information
  int line = 0;              // of its declaration
  std::string function;      // that it is local to: "f(int)"; "" for none
  bool is_const = false;     // by its type, or because nobody may write there
  bool is_internal = false;  // the compiler's, the C++ library's or jobhost's own: guards, vtables, …
  std::uint64_t size = 0;    // bytes, 0 when not known
  std::uint64_t offset = 0;  // of the place that was asked for, within the variable
  friend bool operator==(const VariableName&, const VariableName&) = default;
};

/// Finds the variables of shared libraries by address: by their symbols, and by DWARF (libdw) for file and line, and
/// where there are no symbols. Reads a library once. Not for several threads at once.
class Variables {
 public:
  Variables();
  ~Variables();
  /// The variable that covers `offset` (address minus load bias); nothing when none is known there. Thread-local ones
  /// have no such place.
  std::optional<VariableName> find(const std::string& elf_path, std::uint64_t offset);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace jobhost::plugin
