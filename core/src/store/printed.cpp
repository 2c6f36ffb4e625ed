#include "store/printed.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <sstream>
#include <vector>

#include "base/file.hpp"

namespace jobhost::store {
namespace {

constexpr const char* kIndexEnding = ".index";
constexpr std::uint64_t kIndexLimit = 1ULL << 30;

}  // namespace

void note_printed(base::Env& env, const std::string& printed, const PrintedPart& part) {
  base::File index(env, printed + kIndexEnding, O_WRONLY | O_CREAT | O_APPEND);
  char line[128];
  const int size = std::snprintf(line, sizeof line, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                                 part.first, part.count, part.offset, part.length, part.started);
  index.write(base::as_bytes({line, static_cast<std::size_t>(size)}));
}

void for_each_printed(base::Env& env, const JobDirectory& job,
                      const std::function<void(const std::string& printed, const PrintedPart&)>& part) {
  std::vector<std::string> names;
  env.list(job.printed(), names);
  std::vector<std::pair<std::string, PrintedPart>> parts;
  for (const auto& name : names) {
    if (!name.ends_with(kIndexEnding)) continue;
    const std::string path = job.printed() + "/" + name;
    std::istringstream lines(std::string(base::as_text(base::read_file(env, path, kIndexLimit))));
    const std::string printed = path.substr(0, path.size() - std::string(kIndexEnding).size());
    for (std::string line; std::getline(lines, line);) {
      PrintedPart read;
      if (std::sscanf(line.c_str(), "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &read.first,
                      &read.count, &read.offset, &read.length, &read.started) == 5) {
        parts.emplace_back(printed, read);
      }
    }
  }
  std::stable_sort(parts.begin(), parts.end(),
                   [](const auto& a, const auto& b) { return a.second.started < b.second.started; });
  for (const auto& [printed, read] : parts) part(printed, read);
}

}  // namespace jobhost::store
