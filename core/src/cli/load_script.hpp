#pragma once

#include <string>

#include "schema/type.hpp"

namespace jobhost::cli {

/// The text of a Python program that loads rows of `kernel`, as they are shown, from the file of that name beside it.
/// Throws Error(kUsage) for an ending that it does not know.
std::string load_script(const std::string& file, const schema::Kernel& kernel);

/// Whether the text is such a program, which may be replaced.
bool is_load_script(const std::string& text);

}  // namespace jobhost::cli
