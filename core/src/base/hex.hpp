#pragma once

#include <string>

#include "base/bytes.hpp"
#include "base/malformed.hpp"

/// Bytes as lower-case hexadecimal digits.
namespace jobhost::base {

std::string to_hex(ByteView bytes);
/// Throws Malformed.
Bytes from_hex(const std::string& text);

}  // namespace jobhost::base
