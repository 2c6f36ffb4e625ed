#pragma once

#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "schema/type.hpp"

/// One value from a text file of numbers, as spreadsheets and plotting programs write them.
namespace jobhost::cli {

/// Whether such a file can hold it: a vector of scalars, or of vectors, arrays, tuples or structs of scalars.
bool is_table(const schema::Type& type);
/// Whether text is JSON's form of a vector instead.
bool is_json_list(std::string_view text);
/// Appends the vector whose elements are the lines: numbers separated by commas, semicolons, tabs or blanks. Empty
/// lines and those that begin with # are passed over, and so is a first line that is none of numbers. Returns "", or
/// what does not fit, with `path` and line.
std::string encode_table(const schema::Type& type, const std::string& path, std::string_view text, base::Bytes& out);
/// What a file may hold, with an example.
std::string table_hint(const schema::Type& type);

}  // namespace jobhost::cli
