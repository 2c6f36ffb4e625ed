#pragma once

#include <string>
#include <vector>

#include "jobhost/sdk/abi.h"

namespace jobhost::worker {

/// Loads the libraries in order, then the plugin (RTLD_NOW, RTLD_LOCAL, never unloaded), and finds the kernel's entry.
/// Throws Error(kPluginRefused) with the loader's own reason.
jobhost_entry load_kernel(const std::vector<std::string>& libraries, const std::string& plugin,
                          const std::string& symbol);

}  // namespace jobhost::worker
