#pragma once

#include <functional>
#include <string>
#include <vector>

namespace jobhost::worker {

/// Says, once each, which of these environment variables code of this process looked up from now on: they were set at
/// submission, and do not travel. `found` may be called on any thread. For the rest of the process.
void watch_lookups(const std::vector<std::string>& withheld, std::function<void(const std::string& name)> found);

}  // namespace jobhost::worker
