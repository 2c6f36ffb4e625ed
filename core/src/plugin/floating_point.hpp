#pragma once

#include <string>

#include "base/env.hpp"

namespace jobhost::plugin {

/// Whether loading the file makes the processor flush denormal numbers to zero (FTZ, DAZ): it was linked with
/// -ffast-math. False where its symbols were stripped. Throws Error(kPluginRefused).
bool links_fast_math(base::Env& env, const std::string& path);

}  // namespace jobhost::plugin
