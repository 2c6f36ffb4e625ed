#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/env.hpp"
#include "bundle/manifest.hpp"
#include "worker/control.hpp"

/// The values that global variables have once a plugin is loaded: only running its code tells them, so that happens in
/// an executor.
namespace jobhost::worker {

struct GlobalGetter {
  std::string library;  // file name, "" for the plugin
  std::string symbol;   // of its jobhost_get_global
};

/// Prepares the code of the plan, whose manifest_json is not looked at, in an executor as for the first task of a job
/// with this manifest, and gives the encoded values that are asked for; nothing for one that cannot be encoded. What
/// the code prints goes to standard error. Throws Error as the executor does, and Error(kPluginRefused) when the code
/// ends it, which happens as soon as `interrupted` says so. `libexec`: the folder of the executors' programs.
std::vector<std::optional<base::Bytes>> read_globals(base::Env& env, const std::string& libexec, Plan plan,
                                                     const bundle::Manifest& manifest,
                                                     const std::vector<GlobalGetter>& getters,
                                                     const std::function<bool()>& interrupted);

/// The executor's part. `orders`: control descriptor, "globals", descriptor of what is asked and answered.
[[noreturn]] void tell_globals(base::Env& env, const std::vector<std::string>& orders);

}  // namespace jobhost::worker
