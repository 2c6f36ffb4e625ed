#pragma once

#include <string>

#include "base/bytes.hpp"

/// Bytes as lower-case hexadecimal digits.
namespace jobhost::base {

struct NotHex {
  std::string why;
};

std::string to_hex(ByteView bytes);
/// Throws NotHex.
Bytes from_hex(const std::string& text);

}  // namespace jobhost::base
