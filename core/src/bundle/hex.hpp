#pragma once

#include <string>

#include "base/bytes.hpp"

/// Encoded values inside JSON.
namespace jobhost::bundle {

struct NotHex {
  std::string why;
};

std::string to_hex(base::ByteView bytes);
/// Throws NotHex.
base::Bytes from_hex(const std::string& text);

}  // namespace jobhost::bundle
