#include "plugin/fit.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <string_view>

#include "base/trust.hpp"
#include "jobhost/sdk/abi.h"
#include "plugin/symbol_versions.hpp"

namespace jobhost::plugin {
namespace {

/// What compilers call an ability of a processor, and what Linux calls it where that is another word.
const std::map<std::string_view, std::string_view>& words_of_linux() {
  static const std::map<std::string_view, std::string_view> words = {{"sse3", "pni"},
                                                                     {"sse4.1", "sse4_1"},
                                                                     {"sse4.2", "sse4_2"},
                                                                     {"bmi", "bmi1"},
                                                                     {"lzcnt", "abm"},
                                                                     {"pclmul", "pclmulqdq"},
                                                                     {"sha", "sha_ni"},
                                                                     {"rdrnd", "rdrand"},
                                                                     {"avxvnni", "avx_vnni"},
                                                                     {"avx512vnni", "avx512_vnni"},
                                                                     {"avx512bf16", "avx512_bf16"},
                                                                     {"avx512fp16", "avx512_fp16"},
                                                                     {"avx512vbmi2", "avx512_vbmi2"},
                                                                     {"avx512bitalg", "avx512_bitalg"},
                                                                     {"avx512vpopcntdq", "avx512_vpopcntdq"},
                                                                     {"amx-tile", "amx_tile"},
                                                                     {"amx-int8", "amx_int8"},
                                                                     {"amx-bf16", "amx_bf16"}};
  return words;
}

/// The abilities of this processor that the system supports: " fpu vme … avx2 … ". Read from the first lines, since the
/// file has as many parts as there are processors.
std::string processor_flags() {
  constexpr std::size_t kFirstPart = 16 << 10;
  std::ifstream file("/proc/cpuinfo");
  std::string text(kFirstPart, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  const std::size_t begin = text.find("\nflags"), end = text.find('\n', begin + 1);
  return begin == std::string::npos || end == std::string::npos ? "" : text.substr(begin + 1, end - begin - 1) + " ";
}

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

void check_versions(base::Env& env, const std::string& path, const std::vector<Dependency>& closure,
                    std::vector<Obstacle>& found) {
  for (const auto& needed : needed_versions(env, path)) {
    const std::string& soname = needed.soname;
    const auto library =
        std::find_if(closure.begin(), closure.end(), [&](const Dependency& other) { return other.soname == soname; });
    if (library == closure.end() || library->path.empty()) continue;
    const auto provided = provided_versions(env, library->path);
    std::vector<std::string> missing;
    for (const auto& version : needed.versions) {
      if (std::find(provided.begin(), provided.end(), version) == provided.end()) missing.push_back(version);
    }
    if (provided.empty() || missing.empty()) continue;
    const std::string newest = newest_like(missing.back(), provided);
    found.push_back({"'" + path + "' needs " + listed(missing) + " of " + soname + ", which " +
                         (newest.empty() ? "the one here does not have" : "here only goes up to " + newest),
                     "build it on a system as old as the oldest of your machines"});
  }
}

}  // namespace

std::vector<std::string> missing_features(const std::vector<std::string>& wanted) {
  std::vector<std::string> missing;
  if (wanted.empty()) return missing;
  const std::string flags = processor_flags();
  for (const auto& feature : wanted) {
    const auto word = words_of_linux().find(feature);
    const std::string flag(word == words_of_linux().end() ? feature : word->second);
    if (flags.find(" " + flag + " ") != std::string::npos) continue;
    if (std::find(missing.begin(), missing.end(), feature) == missing.end()) missing.push_back(feature);
  }
  return missing;
}

std::optional<Obstacle> travel_obstacle(base::Env& env, const std::string& path, const Dependency& library) {
  const std::string needs = "'" + path + "' needs '" + library.soname + "'";
  if (library.path.empty()) {
    return Obstacle{needs + ", which is not found",
                    "install it, or rebuild the plugin with a RUNPATH that leads to it"};
  }
  if (!library.system && library.soname.find('/') != std::string::npos) {
    return Obstacle{needs + " by its path, so that no copy of it can take its place",
                    "link the library itself with -Wl,-soname,NAME, then the plugin again"};
  }
  if (!library.system && base::anybody_may_replace(env, library.path)) {
    return Obstacle{needs + ", and everybody may put another file in the place of '" + library.path + "'",
                    "chmod o-w the file and its directory"};
  }
  return std::nullopt;
}

std::vector<Obstacle> obstacles(base::Env& env, const std::string& path, const schema::Requirements& requirements,
                                const std::vector<Dependency>& closure) {
  std::vector<Obstacle> found;
  const std::string name = "'" + path + "'";
  if (requirements.abi >= 0 && requirements.abi != JOBHOST_ABI) {
    const auto error = schema::other_abi(requirements, path);
    found.push_back({error.what(), error.hint()});
  }
  if (const auto missing = missing_features(requirements.cpu_features); !missing.empty()) {
    found.push_back({name + " was compiled for a processor with " + listed(missing) + ", which this one lacks",
                     "rebuild it with -march for the least of your machines"});
  }
  for (const auto& library : closure) {
    if (const auto obstacle = travel_obstacle(env, path, library)) found.push_back(*obstacle);
  }
  if (closure.empty()) return found;
  check_versions(env, path, closure, found);
  for (const auto& library : closure) {
    if (!library.system && !library.path.empty()) check_versions(env, library.path, closure, found);
  }
  return found;
}

void require_none(const std::vector<Obstacle>& obstacles) {
  if (obstacles.empty()) return;
  throw base::Error(base::ExitCode::kPluginRefused, obstacles.front().what, obstacles.front().hint);
}

}  // namespace jobhost::plugin
