#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/env.hpp"
#include "base/error.hpp"
#include "plugin/inspect.hpp"
#include "schema/type.hpp"

/// Whether code suits this machine.
namespace jobhost::plugin {

/// One reason why code cannot run here: a sentence, and what to do about it.
struct Obstacle {
  std::string what, hint;
};

/// Features among `wanted` that this processor lacks or nobody knows.
std::vector<std::string> missing_features(const std::vector<std::string>& wanted);

/// Why the library cannot be recorded, or copied, for the plugin at `path`: it is missing, or asked for by its path.
std::optional<Obstacle> travel_obstacle(base::Env& env, const std::string& path, const Dependency& library);

/// What is against loading the plugin at `path` together with its closure (find_dependencies): the plugin ABI or
/// processor it was built for, libraries that are missing or for another kind of machine, versions of symbols that
/// libraries here do not have. Of a closure that is known to suit, {} will do: then only the first two are looked at.
std::vector<Obstacle> obstacles(base::Env& env, const std::string& path, const schema::Requirements& requirements,
                                const std::vector<Dependency>& closure);

/// Throws the first of them as Error(kPluginRefused).
void require_none(const std::vector<Obstacle>& obstacles);

}  // namespace jobhost::plugin
