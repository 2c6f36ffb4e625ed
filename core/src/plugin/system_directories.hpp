#pragma once

#include <string>
#include <vector>

namespace jobhost::plugin {

/// Where ld.so looks last.
const std::vector<std::string>& system_directories();

/// Whether the file, links followed, comes with the operating system: /lib, /usr/lib and the like.
bool belongs_to_system(const std::string& path);

}  // namespace jobhost::plugin
