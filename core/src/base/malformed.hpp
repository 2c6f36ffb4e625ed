#pragma once

#include <string>

namespace jobhost::base {

/// Why a part of a document cannot be read. Whoever knows which document it is makes an Error of it.
struct Malformed {
  std::string why;
};

}  // namespace jobhost::base
