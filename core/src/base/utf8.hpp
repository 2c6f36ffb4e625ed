#pragma once

#include <cstddef>
#include <string_view>

namespace jobhost::base {

/// Bytes of the UTF-8 sequence at the front of `text`, or 0 when it is none (RFC 3629).
std::size_t utf8_length(std::string_view text);

}  // namespace jobhost::base
