#pragma once

#include <string>
#include <string_view>

/// A checksum at the end of a line of JSON, so that a flipped bit in what is small and for people is noticed, too.
namespace jobhost::store {

/// `{…}` becomes `{…,"crc32c":"01234567"}`: the CRC-32C of all that stands before the comma.
std::string sealed(std::string line);

enum class Seal { kNone, kRight, kWrong };  // none: written by an older version
/// Of a line without its end.
Seal seal_of(std::string_view line);

}  // namespace jobhost::store
