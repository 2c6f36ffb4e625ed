#pragma once

#include <string>
#include <vector>

#include "bundle/calling_context.hpp"
#include "context/floating_point.hpp"

namespace jobhost::context {

/// Who restores: an executor whose lanes are [first_lane, first_lane + lanes).
struct Place {
  unsigned first_lane = 0, lanes = 1;
};

/// Makes this process's surroundings those that were captured, but for what only a new program can have: arguments and
/// environment. Throws Error(kPluginRefused) with one sentence that names what cannot be had here; returns sentences on
/// what differs and does not change results of itself.
std::vector<std::string> restore(const bundle::CallingContext& context, Place place);

/// What batches of tasks run with.
FloatingPoint floating_point_of(const bundle::CallingContext& context);

}  // namespace jobhost::context
