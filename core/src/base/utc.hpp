#pragma once

#include <cstdint>
#include <string>

namespace jobhost::base {

/// "2026-11-23T03:14:15Z", for people.
std::string utc(std::uint64_t wall_ns);

}  // namespace jobhost::base
