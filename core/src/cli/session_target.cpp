#include "cli/session_target.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>

#include "base/beneath.hpp"
#include "base/checksum.hpp"
#include "base/file.hpp"
#include "base/suggest.hpp"
#include "build/plugin_builder.hpp"
#include "cli/job_names.hpp"
#include "context/capture.hpp"
#include "plugin/fit.hpp"
#include "plugin/inspect.hpp"
#include "worker/stage.hpp"

namespace jobhost::cli {
namespace {

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

void add_library(SessionTarget& target, const std::string& schema, const std::string& name) {
  if (schema.empty()) return;
  for (auto& variable : schema::parse_description(schema, name).globals) {
    if (variable.declared) target.variables.push_back({std::move(variable), name});
  }
}

SessionTarget target_of_job(Session& session, const host::Job& job) {
  SessionTarget target;
  target.plan = plan_of(session, job);
  target.manifest = job.manifest;
  target.plugin = job.manifest.plugin.origin;
  const std::string schema = plugin::read_schema(session.env, target.plan.plugin);
  if (!schema.empty()) target.description = schema::parse_description(schema, target.plan.plugin);
  target.variables = placed(target.description);
  for (const auto& library : target.plan.libraries) {
    add_library(target, plugin::read_schema(session.env, library), file_name(library));
  }
  return target;
}

SessionTarget target_of_plugin(Session& session, const std::string& path, const std::string& named) {
  SessionTarget target;
  target.plugin = base::absolute_path(named);
  target.plan.plugin = base::absolute_path(path);
  target.description = plugin::describe(session.env, path);
  target.variables = placed(target.description);
  const char* paths = std::getenv("LD_LIBRARY_PATH");
  const auto needed = plugin::find_dependencies(session.env, path, paths ? paths : "");
  plugin::require_none(
      plugin::obstacles(session.env, path,
                        {target.description.abi, target.description.jobhost, target.description.cpu_features}, needed));
  for (const auto& library : needed) {
    if (library.system) continue;
    target.plan.libraries.push_back(library.path);
    target.manifest.libraries.push_back({"", file_name(library.path), library.path, library.build_id});
    add_library(target, plugin::read_schema(session.env, library.path), file_name(library.path));
  }
  const base::File file(session.env, path, O_RDONLY);
  target.manifest.plugin = {base::sha256_hex_of_file(session.env, file.fd(), path), file_name(path), target.plan.plugin,
                            plugin::read_build_id(session.env, path)};
  target.manifest.tasks = bundle::task_count(target.manifest.inputs);
  target.manifest.context = context::capture();
  return target;
}

base::Error misfit(const std::string& what, const std::string& hint) {
  return {base::ExitCode::kUsage, "the session does not fit: " + what, hint};
}

}  // namespace

worker::Plan plan_of(Session& session, const host::Job& job) {
  const auto code = worker::stage_code(session.env, job.directory, job.manifest);
  const base::Bytes json =
      base::read_beneath(session.env, job.directory.path(), job.directory.manifest(), bundle::kManifestLimit);
  worker::Plan plan;
  plan.job_directory = job.directory.path();
  plan.manifest_json = base::as_text(json);
  plan.manifest_sha256 = job.manifest_sha256;
  plan.plugin = code.plugin;
  plan.libraries = code.libraries;
  return plan;
}

std::vector<PlacedVariable> placed(const schema::Description& description) {
  std::vector<PlacedVariable> variables;
  for (const auto& variable : description.globals) variables.push_back({variable, ""});
  return variables;
}

SessionTarget session_target(Session& session, const std::string& name, const BuildOptions& build) {
  if (!build::is_source(name) && !name.ends_with(".so")) return target_of_job(session, open_job(session, name));
  return target_of_plugin(session, plugin_of(session, name, build), name);
}

std::vector<bundle::Global> fitted(const SavedSession& session, const std::vector<PlacedVariable>& variables,
                                   const std::string& plugin) {
  std::vector<bundle::Global> globals;
  for (const auto& saved : session.globals) {
    const std::string library = saved.library == file_name(plugin) ? "" : saved.library;
    std::vector<std::string> names;
    const PlacedVariable* found = nullptr;
    for (const auto& candidate : variables) {
      if (candidate.library != library) continue;
      names.push_back(candidate.variable.name);
      if (!found && candidate.variable.name == saved.name) found = &candidate;
    }
    if (!found) {
      const auto near = base::nearest(saved.name, names);
      throw misfit("'" + plugin + "' has no global variable '" + saved.name + "' that can be set",
                   near ? "there is '" + *near + "'" : "it was saved from '" + session.plugin + "'");
    }
    if (found->variable.type != saved.type) {
      throw misfit("'" + saved.name + "' is of type " + schema::cpp_name(saved.type) + " there and " +
                       schema::cpp_name(found->variable.type) + " in '" + plugin + "'",
                   "it was saved from '" + session.plugin + "'");
    }
    globals.push_back({saved.name, found->variable.symbol, saved.value, library});
  }
  return globals;
}

}  // namespace jobhost::cli
