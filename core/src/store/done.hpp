#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace jobhost::store {

/// What DONE says.
struct Done {
  std::uint64_t tasks = 0, ok = 0, failed = 0;
  std::uint64_t finished_ns = 0;  // wall clock
};

std::string to_text(const Done& done);
/// Nothing when the text is not what to_text() makes, or, without checksum, an older version made.
std::optional<Done> done_from_text(std::string_view text);

}  // namespace jobhost::store
