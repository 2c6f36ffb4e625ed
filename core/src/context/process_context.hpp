#pragma once

#include <string>

/// The calling context: captured at submission, applied in every executor before the plugin is loaded.
namespace jobhost::context {

struct ProcessContext {
  std::string working_directory;  // absolute
  unsigned umask = 022;
  friend bool operator==(const ProcessContext&, const ProcessContext&) = default;
};

/// Of this process. Reading the umask sets it for an instant: call before threads start.
ProcessContext capture();

/// Throws Error(kPluginRefused) naming the directory when it cannot be entered here.
void apply(const ProcessContext& context);

}  // namespace jobhost::context
