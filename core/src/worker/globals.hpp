#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/env.hpp"
#include "worker/control.hpp"
#include "worker/prepared_job.hpp"

/// The values that global variables have once a plugin is loaded: only running its code tells them, so that happens in
/// an executor.
namespace jobhost::worker {

struct GlobalGetter {
  std::string library;  // file name, "" for the plugin
  std::string symbol;   // of its jobhost_get_global
};

/// Loads the plan's code in an executor of its own, in its manifest's context and with its globals, and gives the
/// encoded values that are asked for; nothing for one that cannot be encoded. What the code prints goes to standard
/// error. Throws Error as the executor does, and Error(kPluginRefused) when the code ends it. `libexec`: the folder of
/// the executors' programs.
std::vector<std::optional<base::Bytes>> read_globals(base::Env& env, const std::string& libexec, const Plan& plan,
                                                     const std::vector<GlobalGetter>& getters);

/// The executor's part. `words`: descriptor for the answer, then library and symbol of each getter. Does not return.
[[noreturn]] void tell_globals(base::Env& env, const std::function<std::unique_ptr<PreparedJob>()>& load,
                               const std::vector<std::string>& words);

}  // namespace jobhost::worker
