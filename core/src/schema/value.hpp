#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "schema/type.hpp"

namespace jobhost::schema {

/// Parses one value typed on a command line or in a CSV cell and appends its encoding to `out`. Scalars and strings are
/// taken as they stand ("3", "-1e9", "0x1f", "true", "nan", text); vectors, maps, structs and the like are JSON.
/// Returns an empty string, or why it does not fit: "'abc' is not an int", "300 does not fit into unsigned char (0 to
/// 255)"; on failure `out` is as it was.
std::string encode_text(const Type& type, std::string_view text, base::Bytes& out);

/// The same for a JSON value given as text (a cell of a .jsonl file): strings must be quoted, numbers bare. Non-finite
/// numbers are the strings "NaN", "Infinity", "-Infinity". Integers are exact to 64 bits.
std::string encode_json(const Type& type, std::string_view json, base::Bytes& out);

/// Checks and measures one encoded value at the front of `bytes`: its size, or nothing when it is malformed (too short,
/// a bad flag, deeper than 64).
std::optional<std::uint64_t> encoded_size(const Type& type, base::ByteView bytes);

/// Appends one encoded value as JSON: shortest round-trip numbers (std::to_chars), "NaN"/"Infinity"/"-Infinity" as
/// strings, invalid UTF-8 replaced by U+FFFD, structs and string-keyed maps as objects, other maps as [key, value]
/// pairs. Reads one value from `reader`.
void append_json(const Type& type, base::ByteReader& reader, std::string& out);

/// Writes the encoded value of a number as append_plain or append_json does, at most kLongestNumber characters, and
/// returns the end.
using NumberText = char* (*)(char* at, const unsigned char* value);
inline constexpr std::size_t kLongestNumber = 48;
/// Null for types other than bool, integers, enumerations and floating-point numbers.
NumberText number_text(const Type& type, bool json);

/// Appends text as a JSON string, quotes included.
void append_json_string(std::string_view text, std::string& out);

/// Appends one encoded value as a plain cell: scalars and strings bare (no quoting), all else as JSON.
void append_plain(const Type& type, base::ByteReader& reader, std::string& out);

/// The same in little space, for messages: what is long is cut short with an ellipsis, and of a long vector stands how
/// much it holds: "(20001 x 2)", "(1000 values)".
void append_brief(const Type& type, base::ByteView value, std::string& out);

}  // namespace jobhost::schema
