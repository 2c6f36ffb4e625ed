#include "bundle/inputs.hpp"

#include "base/error.hpp"

namespace jobhost::bundle {

std::uint64_t task_count(const Inputs& inputs) {
  constexpr std::uint64_t kMaxTasks = std::uint64_t{1} << 47;
  std::uint64_t count = 1;
  bool empty = false;
  for (const auto& axis : inputs.axes) empty = empty || axis.length == 0;
  if (empty) return 0;
  for (const auto& axis : inputs.axes) {
    if (axis.length > kMaxTasks / count) {
      throw base::Error(base::ExitCode::kUsage, "the inputs make more than 2^47 tasks",
                        "use fewer values per parameter, or --zip to pair them");
    }
    count *= axis.length;
  }
  return count;
}

}  // namespace jobhost::bundle
