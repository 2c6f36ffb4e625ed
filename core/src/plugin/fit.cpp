#include "plugin/fit.hpp"

#include <cpuid.h>

#include <algorithm>
#include <map>

#include "jobhost/sdk/abi.h"
#include "plugin/symbol_versions.hpp"

namespace jobhost::plugin {
namespace {

/// Those that the compiler's own test does not know.
struct MoreFeatures {
  bool f16c = false, movbe = false, lzcnt = false;
};

MoreFeatures more_features() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  MoreFeatures here;
  if (__get_cpuid(1, &a, &b, &c, &d) != 0) {
    here.movbe = (c & bit_MOVBE) != 0;
    here.f16c = (c & bit_F16C) != 0 && __builtin_cpu_supports("avx");  // the system must save its registers, too
  }
  if (__get_cpuid(0x80000001, &a, &b, &c, &d) != 0) here.lzcnt = (c & bit_LZCNT) != 0;
  return here;
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
  const MoreFeatures more = more_features();
#define JOBHOST_FEATURE(name) \
  { name, __builtin_cpu_supports(name) != 0 }
  const std::map<std::string, bool> here = {JOBHOST_FEATURE("sse3"),
                                            JOBHOST_FEATURE("ssse3"),
                                            JOBHOST_FEATURE("sse4.1"),
                                            JOBHOST_FEATURE("sse4.2"),
                                            JOBHOST_FEATURE("popcnt"),
                                            JOBHOST_FEATURE("avx"),
                                            JOBHOST_FEATURE("avx2"),
                                            JOBHOST_FEATURE("fma"),
                                            JOBHOST_FEATURE("bmi"),
                                            JOBHOST_FEATURE("bmi2"),
                                            JOBHOST_FEATURE("aes"),
                                            JOBHOST_FEATURE("pclmul"),
                                            JOBHOST_FEATURE("avx512f"),
                                            JOBHOST_FEATURE("avx512dq"),
                                            JOBHOST_FEATURE("avx512bw"),
                                            JOBHOST_FEATURE("avx512vl"),
                                            JOBHOST_FEATURE("avx512cd"),
                                            JOBHOST_FEATURE("avx512vnni"),
                                            JOBHOST_FEATURE("avx512bf16"),
                                            JOBHOST_FEATURE("avx512fp16"),
                                            JOBHOST_FEATURE("avx512vbmi"),
                                            JOBHOST_FEATURE("avx512vbmi2"),
                                            JOBHOST_FEATURE("avx512ifma"),
                                            JOBHOST_FEATURE("avx512bitalg"),
                                            JOBHOST_FEATURE("avx512vpopcntdq"),
                                            JOBHOST_FEATURE("avxvnni"),
                                            JOBHOST_FEATURE("gfni"),
                                            JOBHOST_FEATURE("vaes"),
                                            JOBHOST_FEATURE("vpclmulqdq"),
                                            JOBHOST_FEATURE("sha"),
                                            JOBHOST_FEATURE("adx"),
                                            JOBHOST_FEATURE("rdrnd"),
                                            JOBHOST_FEATURE("rdseed"),
                                            JOBHOST_FEATURE("amx-tile"),
                                            JOBHOST_FEATURE("amx-int8"),
                                            JOBHOST_FEATURE("amx-bf16"),
                                            JOBHOST_FEATURE("sse4a"),
                                            JOBHOST_FEATURE("fma4"),
                                            JOBHOST_FEATURE("xop"),
                                            JOBHOST_FEATURE("tbm"),
                                            JOBHOST_FEATURE("lwp"),
                                            {"f16c", more.f16c},
                                            {"movbe", more.movbe},
                                            {"lzcnt", more.lzcnt}};
#undef JOBHOST_FEATURE
  std::vector<std::string> missing;
  for (const auto& feature : wanted) {
    const auto known = here.find(feature);
    if (known != here.end() && known->second) continue;
    if (std::find(missing.begin(), missing.end(), feature) == missing.end()) missing.push_back(feature);
  }
  return missing;
}

std::optional<Obstacle> travel_obstacle(const std::string& path, const Dependency& library) {
  const std::string needs = "'" + path + "' needs '" + library.soname + "'";
  if (library.path.empty()) {
    return Obstacle{needs + ", which is not found",
                    "install it, or rebuild the plugin with a RUNPATH that leads to it"};
  }
  if (!library.system && library.soname.find('/') != std::string::npos) {
    return Obstacle{needs + " by its path, so that no copy of it can take its place",
                    "link the library itself with -Wl,-soname,NAME, then the plugin again"};
  }
  return std::nullopt;
}

std::vector<Obstacle> obstacles(base::Env& env, const std::string& path, const schema::Requirements& requirements,
                                const std::vector<Dependency>& closure) {
  std::vector<Obstacle> found;
  const std::string name = "'" + path + "'";
  if (requirements.abi >= 0 && requirements.abi != JOBHOST_ABI) {
    found.push_back({name + " was built for plugin ABI " + std::to_string(requirements.abi) + ", this jobhost has " +
                         std::to_string(JOBHOST_ABI),
                     "rebuild it with the SDK of this jobhost"});
  }
  if (const auto missing = missing_features(requirements.cpu_features); !missing.empty()) {
    found.push_back({name + " was compiled for a processor with " + listed(missing) + ", which this one lacks",
                     "rebuild it with -march for the least of your machines"});
  }
  for (const auto& library : closure) {
    if (const auto obstacle = travel_obstacle(path, library)) found.push_back(*obstacle);
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
