#pragma once

#include <string>

#include "bundle/manifest.hpp"
#include "schema/type.hpp"

namespace jobhost::host {

/// "FUNC NAME=VALUE …", as --init takes it: a function among the plugin's kernels and its arguments; those with
/// defaults may be left out. "": none. `named`: the plugin, for messages. Throws Error(kUsage).
bundle::Initialiser initialiser_of(const schema::Description& plugin, const std::string& text,
                                   const std::string& named);

}  // namespace jobhost::host
