#pragma once

#include <functional>
#include <string_view>

#include "base/bytes.hpp"
#include "schema/type.hpp"

namespace jobhost::schema {

/// Hands each string of an encoded value to `use`, those within vectors, maps, structs and the like too. Throws
/// Error(kDamaged) where the bytes are no such value.
void for_each_string(const Type& type, base::ByteReader& reader, const std::function<void(std::string_view)>& use);

}  // namespace jobhost::schema
