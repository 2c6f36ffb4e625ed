#pragma once

#include <string>

#include "schema/type.hpp"

namespace jobhost::plugin {

/// Throws Error(kPluginRefused) when the code was compiled for a processor with more abilities than this one has.
void require_fit(const schema::Description& plugin, const std::string& path);

}  // namespace jobhost::plugin
