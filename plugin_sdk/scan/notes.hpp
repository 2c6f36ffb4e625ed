#pragma once

#include <string>

namespace jobhost::scan {

/// Contents of a plugin's notes section (a line per function that is no kernel); "" when there is none. Reads 64-bit
/// little-endian ELF files and believes no offset that leads out of the file.
std::string notes_of(const std::string& plugin);

}  // namespace jobhost::scan
