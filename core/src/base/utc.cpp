#include "base/utc.hpp"

#include <ctime>

namespace jobhost::base {

std::string utc(std::uint64_t wall_ns) {
  const auto seconds = static_cast<std::time_t>(wall_ns / 1'000'000'000ULL);
  std::tm broken{};
  ::gmtime_r(&seconds, &broken);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &broken);
  return text;
}

}  // namespace jobhost::base
