#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/malformed.hpp"

/// What a JSON document of foreign origin must satisfy before it is parsed, and as it is read.
namespace jobhost::base {

inline constexpr std::size_t kJsonDepth = 256;    // readers and writers of JSON recurse
inline constexpr std::size_t kJsonMembers = 256;  // of an object: they are looked up one after another

/// Why the text is more than anybody needs: it nests too deep, or an object has too many members; "" when it is
/// neither. Whether it is JSON at all is for the parser to say.
std::string json_excess(std::string_view text, std::size_t members = kJsonMembers);

/// The number as it stands: nothing is cut off or rounded. Throws Malformed.
template <class T, class Json>
T whole_number(const Json& json) {
  static_assert(std::is_integral_v<T>);
  using Limits = std::numeric_limits<T>;
  if (json.is_number_unsigned()) {
    const auto value = json.template get<std::uint64_t>();
    if (value <= static_cast<std::uint64_t>(Limits::max())) return static_cast<T>(value);
  } else if (json.is_number_integer()) {
    const auto value = json.template get<std::int64_t>();
    if (std::is_signed_v<T> && value >= static_cast<std::int64_t>(Limits::min())) return static_cast<T>(value);
  }
  throw Malformed{"'" + (json.is_number() ? json.dump() : std::string(json.type_name())) +
                  "' stands where a whole number from " + std::to_string(Limits::min()) + " to " +
                  std::to_string(Limits::max()) + " is wanted"};
}

}  // namespace jobhost::base
