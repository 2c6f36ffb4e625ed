#pragma once

#include <optional>
#include <string>

namespace jobhost::base {

/// The path without symbolic links, "." and ".."; nothing where there is no such file. Throws Error(kBackendFailed)
/// when that cannot be found out: what a path leads to is never guessed.
std::optional<std::string> real_path(const std::string& path);

}  // namespace jobhost::base
