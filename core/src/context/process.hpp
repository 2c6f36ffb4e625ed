#pragma once

#include <optional>
#include <string>

#include "bundle/calling_context.hpp"

namespace jobhost::context {

/// argv of this process.
std::vector<std::string> own_arguments();
/// The umask of this process, without setting it for an instant where the kernel tells it.
std::uint32_t own_umask();
/// Processors that this process may use.
unsigned usable_processors();

/// Fills in limits with the soft ones of this process.
void capture_limits(bundle::CallingContext& context);
/// Throws Error(kPluginRefused) naming a limit that cannot be had here.
void restore_limits(const bundle::CallingContext& context);

/// These two say in a sentence what could not be restored.
std::optional<std::string> restore_niceness(int niceness);
/// A process whose lanes begin with number `first_lane` may use as many processors as the submission, so that libraries
/// start as many threads: the results of many depend on that. At least `lanes`.
std::optional<std::string> restore_processors(unsigned processors, unsigned first_lane, unsigned lanes);

}  // namespace jobhost::context
