#pragma once

#include <string>

namespace jobhost::base {

/// The name under which `path` is written until it is complete: with `ending` behind it, and as much of its own last
/// characters left out as the file system needs.
std::string unfinished_name(const std::string& path, const std::string& ending);

}  // namespace jobhost::base
