#pragma once

#include <string>

#include "cli/session.hpp"

namespace jobhost::cli {

/// Prints all that is known of a plugin, and every reason for which running it here would be refused or noted later.
/// Throws Error(kPluginRefused) afterwards when there is a reason to refuse it.
void check_plugin(Session& session, const std::string& path, bool json);

}  // namespace jobhost::cli
