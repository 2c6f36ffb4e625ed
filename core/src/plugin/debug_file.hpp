#pragma once

#include <cstdint>
#include <string>

struct Dwfl;
struct Dwfl_Module;

namespace jobhost::plugin {

/// A mangled name as people write it; what is none stays. "" for a null pointer.
std::string demangled(const char* name);

/// A shared library with its debug information (its own, or a separate file's), by libdw.
class DebugFile {
 public:
  /// Where libdw takes the file to be loaded.
  static constexpr std::uint64_t kBase = 0x100000;

  /// A file that cannot be read has no module.
  explicit DebugFile(const std::string& elf_path);
  DebugFile(const DebugFile&) = delete;
  DebugFile& operator=(const DebugFile&) = delete;
  ~DebugFile();
  Dwfl_Module* module() const { return module_; }

 private:
  Dwfl* session_ = nullptr;
  Dwfl_Module* module_ = nullptr;
};

}  // namespace jobhost::plugin
