#include "store/printed.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <string_view>
#include <vector>

#include "base/beneath.hpp"
#include "base/checksum.hpp"
#include "store/lines.hpp"

namespace jobhost::store {
namespace {

constexpr std::string_view kIndexEnding = ".index";
constexpr std::size_t kLongestLine = 128;

std::string numbers(const PrintedPart& part) {
  char text[128];
  std::snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, part.first, part.count,
                part.offset, part.length, part.started);
  return text;
}

std::string to_line(const PrintedPart& part) {
  const std::string text = numbers(part);
  char checksum[16];
  std::snprintf(checksum, sizeof checksum, " %08x", base::crc32c(base::as_bytes(text)));
  return text + checksum;
}

}  // namespace

std::optional<PrintedPart> printed_part(const std::string& line) {
  PrintedPart part;
  if (std::sscanf(line.c_str(), "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &part.first, &part.count,
                  &part.offset, &part.length, &part.started) != 5 ||
      (line != to_line(part) && line != numbers(part))) {
    return std::nullopt;
  }
  return part;
}

void note_printed(base::Env& env, const JobDirectory& job, const std::string& printed, const PrintedPart& part) {
  auto index = base::open_beneath(env, job.path(), printed + std::string(kIndexEnding), O_WRONLY | O_CREAT | O_APPEND);
  index.write(base::as_bytes(to_line(part) + "\n"));
}

void for_each_printed(base::Env& env, const JobDirectory& job,
                      const std::function<void(const std::string& printed, const PrintedPart&)>& part) {
  std::vector<std::pair<std::string, PrintedPart>> parts;
  for (const auto& name : base::list_beneath(env, job.printed())) {
    const std::string printed = name.substr(0, name.size() - std::min(name.size(), kIndexEnding.size()));
    if (!name.ends_with(kIndexEnding) || !is_log_name(printed)) continue;
    const auto index = base::open_beneath(env, job.path(), job.printed() + "/" + name, O_RDONLY);
    for_each_line(index, kLongestLine, "index of what tasks printed", [&](const std::string& line) {
      if (const auto read = printed_part(line)) parts.emplace_back(job.printed() + "/" + printed, *read);
    });
  }
  std::stable_sort(parts.begin(), parts.end(),
                   [](const auto& a, const auto& b) { return a.second.started < b.second.started; });
  for (const auto& [printed, read] : parts) part(printed, read);
}

}  // namespace jobhost::store
