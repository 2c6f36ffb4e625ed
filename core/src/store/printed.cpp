#include "store/printed.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <string_view>
#include <vector>

#include "base/beneath.hpp"
#include "store/lines.hpp"

namespace jobhost::store {
namespace {

constexpr std::string_view kIndexEnding = ".index";
constexpr std::size_t kLongestLine = 128;

}  // namespace

void note_printed(base::Env& env, const JobDirectory& job, const std::string& printed, const PrintedPart& part) {
  auto index = base::open_beneath(env, job.path(), printed + std::string(kIndexEnding), O_WRONLY | O_CREAT | O_APPEND);
  char line[kLongestLine];
  const int size = std::snprintf(line, sizeof line, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                                 part.first, part.count, part.offset, part.length, part.started);
  index.write(base::as_bytes({line, static_cast<std::size_t>(size)}));
}

void for_each_printed(base::Env& env, const JobDirectory& job,
                      const std::function<void(const std::string& printed, const PrintedPart&)>& part) {
  std::vector<std::pair<std::string, PrintedPart>> parts;
  for (const auto& name : base::list_beneath(env, job.printed())) {
    const std::string printed = name.substr(0, name.size() - std::min(name.size(), kIndexEnding.size()));
    if (!name.ends_with(kIndexEnding) || !is_log_name(printed)) continue;
    const auto index = base::open_beneath(env, job.path(), job.printed() + "/" + name, O_RDONLY);
    for_each_line(index, kLongestLine, "index of what tasks printed", [&](const std::string& line) {
      PrintedPart read;
      if (std::sscanf(line.c_str(), "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &read.first,
                      &read.count, &read.offset, &read.length, &read.started) == 5) {
        parts.emplace_back(job.printed() + "/" + printed, read);
      }
    });
  }
  std::stable_sort(parts.begin(), parts.end(),
                   [](const auto& a, const auto& b) { return a.second.started < b.second.started; });
  for (const auto& [printed, read] : parts) part(printed, read);
}

}  // namespace jobhost::store
