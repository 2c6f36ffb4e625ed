#pragma once

#include "bundle/manifest.hpp"
#include "worker/control.hpp"

namespace jobhost::worker {

/// Looks at what the loader really took, after the plugin was loaded. Throws Error(kPluginRefused), naming the file,
/// unless the plugin and each of its libraries are the staged copies with the recorded build ids, and every other file
/// was there before them (the executor's own), is a recorded system library or lies in a directory of the system.
void verify_loaded(const bundle::Manifest& manifest, const Plan& plan);

}  // namespace jobhost::worker
