#pragma once

#include <string>
#include <vector>

#include "bundle/manifest.hpp"
#include "worker/stage.hpp"

namespace jobhost::worker {

/// Finds out whether this machine can run the job's code, before any executor loads it. Throws Error(kPluginRefused)
/// with the first obstacle: plugin ABI, processor, kind of machine, libraries, versions of symbols; with
/// `exact_system_libraries` also system libraries of another build than at submission, which are returned else, a
/// sentence each. Where all of them are as recorded, nothing else is read of them.
std::vector<std::string> check_machine(base::Env& env, const bundle::Manifest& manifest, const StagedCode& code);

}  // namespace jobhost::worker
