#include "store/epoch.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/beneath.hpp"

namespace jobhost::store {

std::optional<std::uint64_t> latest_epoch(base::Env& env, const JobDirectory& job) {
  constexpr std::string_view kBeginning = "owner.";
  std::optional<std::uint64_t> latest;
  for (const auto& name : base::list_beneath(env, job.host())) {
    if (!name.starts_with(kBeginning)) continue;
    std::uint64_t epoch = 0;
    const char* const end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + kBeginning.size(), end, epoch);
    if (error == std::errc() && stop == end) latest = std::max(latest.value_or(0), epoch);
  }
  return latest;
}

}  // namespace jobhost::store
