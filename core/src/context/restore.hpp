#pragma once

#include "bundle/calling_context.hpp"

namespace jobhost::context {

/// Makes this process's surroundings those that were captured. Throws Error(kPluginRefused) with one sentence that
/// names what cannot be had here.
void restore(const bundle::CallingContext& context);

}  // namespace jobhost::context
