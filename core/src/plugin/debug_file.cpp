#include "plugin/debug_file.hpp"

#include <cxxabi.h>
#include <elfutils/libdwfl.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

namespace jobhost::plugin {

std::string demangled(const char* name) {
  if (!name) return "";
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                         &std::free);
  return status == 0 && text ? text.get() : name;
}

DebugFile::DebugFile(const std::string& elf_path) {
  static const Dwfl_Callbacks callbacks = [] {
    Dwfl_Callbacks all{};
    all.find_elf = ::dwfl_build_id_find_elf;
    all.section_address = ::dwfl_offline_section_address;
    all.find_debuginfo = ::dwfl_standard_find_debuginfo;
    return all;
  }();
  session_ = ::dwfl_begin(&callbacks);
  if (!session_) return;
  ::dwfl_report_begin(session_);
  module_ = ::dwfl_report_elf(session_, elf_path.c_str(), elf_path.c_str(), -1, kBase, false);
  ::dwfl_report_end(session_, nullptr, nullptr);
}

DebugFile::~DebugFile() {
  if (session_) ::dwfl_end(session_);
}

}  // namespace jobhost::plugin
