#pragma once

#include <string>
#include <vector>

#include "bundle/manifest.hpp"
#include "host/submission.hpp"
#include "schema/type.hpp"

/// Which values the global variables of a job's code have before its first task.
namespace jobhost::host {

/// The plugin's settable global called `name`. Throws Error(kUsage) with the nearest name.
const schema::Variable& variable_named(const schema::Description& plugin, const std::string& name);

/// A value as typed. Throws Error(kUsage) when there is no such global or the text is no value of its type.
bundle::Global global_of(const schema::Description& plugin, const std::string& name, const std::string& text);

/// `session`, but for the plugin's own globals that `typed` sets, and these.
std::vector<bundle::Global> merged_globals(const schema::Description& plugin,
                                           const std::vector<bundle::Global>& session,
                                           const std::vector<std::pair<std::string, std::string>>& typed);

/// The declared globals of a library that is a plugin itself (`schema`: its section, "" when it is none), with the
/// values that they have here.
void add_live_globals(const std::string& schema, const bundle::Blob& library, const LiveGlobal& live,
                      std::vector<bundle::Global>& globals);

/// Throws Error(kUsage) when MANIFEST has no room for them.
void require_room(const std::vector<bundle::Global>& globals);

}  // namespace jobhost::host
