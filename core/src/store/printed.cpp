#include "store/printed.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <sstream>
#include <vector>

#include "base/checksum.hpp"
#include "base/file.hpp"

namespace jobhost::store {
namespace {

constexpr const char* kIndexEnding = ".index";
constexpr std::uint64_t kIndexLimit = 1ULL << 30;

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

void note_printed(base::Env& env, const std::string& printed, const PrintedPart& part) {
  base::File index(env, printed + kIndexEnding, O_WRONLY | O_CREAT | O_APPEND);
  index.write(base::as_bytes(to_line(part) + "\n"));
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
      if (const auto read = printed_part(line)) parts.emplace_back(printed, *read);
    }
  }
  std::stable_sort(parts.begin(), parts.end(),
                   [](const auto& a, const auto& b) { return a.second.started < b.second.started; });
  for (const auto& [printed, read] : parts) part(printed, read);
}

}  // namespace jobhost::store
