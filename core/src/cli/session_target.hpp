#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bundle/manifest.hpp"
#include "cli/plugin_target.hpp"
#include "cli/session_file.hpp"
#include "host/submission.hpp"
#include "worker/control.hpp"

/// The code whose globals a session is about.
namespace jobhost::cli {

/// A global variable, and the library that it is in, "" for the plugin itself.
struct PlacedVariable {
  schema::Variable variable;
  std::string library;
};

/// A plugin, or a job's code in its context.
struct SessionTarget {
  worker::Plan plan;
  bundle::Manifest manifest;
  std::string plugin;  // path, as people know it
  schema::Description description;
  std::vector<PlacedVariable> variables;  // that can be set: all of the plugin's, the declared ones of its libraries
};

/// `name`: a .so file, a source file, which is built, or a job. Throws Error.
SessionTarget session_target(Session& session, const std::string& name, const BuildOptions& build);

/// All of the plugin's own.
std::vector<PlacedVariable> placed(const schema::Description& description);

/// The session's values for the code of `plugin`. Throws Error(kUsage) when it has no such variable, or one of another
/// type.
std::vector<bundle::Global> fitted(const SavedSession& session, const std::vector<PlacedVariable>& variables,
                                   const std::string& plugin);

/// What an executor needs to load a job's code, which is copied to the private cache.
worker::Plan plan_of(Session& session, const host::Job& job);

}  // namespace jobhost::cli
