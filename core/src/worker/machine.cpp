#include "worker/machine.hpp"

#include <algorithm>

#include "base/file.hpp"
#include "plugin/fit.hpp"

namespace jobhost::worker {
namespace {

bool as_recorded(base::Env& env, const bundle::SystemLibrary& library) {
  return base::exists(env, library.path) && plugin::read_build_id(env, library.path) == library.build_id;
}

std::string build(const std::string& id) { return id.empty() ? "without a build id" : "build id " + id; }

std::vector<std::string> other_builds(const bundle::Manifest& manifest,
                                      const std::vector<plugin::Dependency>& closure) {
  std::vector<std::string> sentences;
  for (const auto& library : closure) {
    const auto& recorded = manifest.system_libraries;
    const auto then = std::find_if(recorded.begin(), recorded.end(),
                                   [&](const auto& other) { return other.soname == library.soname; });
    if (then == recorded.end() || then->build_id == library.build_id) continue;
    sentences.push_back(library.soname + " here (" + build(library.build_id) +
                        ") is another build than at submission (" + build(then->build_id) + ")");
  }
  return sentences;
}

/// Throws the first obstacle, if any. It names the file that was submitted, not the private copy.
void require_none(std::vector<plugin::Obstacle> found, const bundle::Manifest& manifest, const StagedCode& code) {
  const std::string& copy = code.plugin;
  for (auto& obstacle : found) {
    if (const auto at = obstacle.what.find(copy); at != std::string::npos) {
      obstacle.what.replace(at, copy.size(), manifest.plugin.origin);
    }
  }
  plugin::require_none(found);
}

}  // namespace

std::vector<std::string> check_machine(base::Env& env, const bundle::Manifest& manifest, const StagedCode& code) {
  schema::Requirements requirements = schema::parse_requirements(plugin::read_schema(env, code.plugin), code.plugin);
  auto& features = requirements.cpu_features;
  features.insert(features.end(), manifest.cpu_features.begin(), manifest.cpu_features.end());
  require_none(plugin::obstacles(env, code.plugin, requirements, {}), manifest, code);
  const auto& recorded = manifest.system_libraries;
  if (std::all_of(recorded.begin(), recorded.end(), [&](const auto& library) { return as_recorded(env, library); })) {
    return {};
  }
  std::string staged;
  for (const auto& library : code.libraries) staged += library.substr(0, library.rfind('/')) + ":";
  const auto closure = plugin::find_dependencies(env, code.plugin, staged);
  require_none(plugin::obstacles(env, code.plugin, {}, closure), manifest, code);
  auto differing = other_builds(manifest, closure);
  if (manifest.exact_system_libraries && !differing.empty()) {
    throw base::Error(base::ExitCode::kPluginRefused, differing.front(),
                      "the job was submitted with --exact-libraries: run it on the same system");
  }
  return differing;
}

}  // namespace jobhost::worker
